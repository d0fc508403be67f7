"""The staged packages: everything that the functions import is in them, and little else."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra import manifest, packaging

# What Lambda's runtime brings: boto3 and what boto3 needs.
RUNTIME = ("boto3", "botocore", "s3transfer", "dateutil", "six", "urllib3")


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    packaging.build("host", folder)
    return folder


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with links to the packages of the runtime alone."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME:
        spec = importlib.util.find_spec(name)
        assert spec
        assert spec.origin
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        os.symlink(source, folder / source.name)
    return folder


@pytest.mark.parametrize("capability", manifest.load().capabilities)
def test_an_app_imports_from_its_package_the_layer_and_the_runtime_alone(
    capability: str, staged: Path, runtime: Path
) -> None:
    paths = [staged / "functions" / capability, staged / "layer/python", runtime]
    script = (
        f"import sys; sys.path[:0] = {[str(path) for path in paths]!r}\n"
        f"import {capability}.app as module; print(module.__spec__.cached, module.__file__)\n"
        "import singlewindow.aws.clients, singlewindow.clock"
    )
    # -I -S: no user site, no virtual environment; what is missing is missing.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], env={}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert str(staged) in done.stdout


def test_modules_are_compiled_and_never_checked_against_their_source(staged: Path) -> None:
    sources = list((staged / "layer/python/singlewindow").rglob("*.py"))
    assert sources
    for source in sources:
        header = Path(importlib.util.cache_from_source(str(source))).read_bytes()[:8]
        assert header[4:] == b"\x01\x00\x00\x00", source  # a hash, unchecked


def test_the_packages_carry_no_tests_stubs_or_command_lines(staged: Path) -> None:
    files = {path.relative_to(staged) for path in staged.rglob("*") if path.is_file()}
    assert not [file for file in files if file.suffix in (".pyi", ".h") or "tests" in file.parts]
    chalice = {
        file.name
        for file in files
        if file.parts[:3] == ("layer", "python", "chalice") and file.suffix == ".py"
    }
    assert chalice == {"__init__.py", "app.py"}


def test_the_layer_stays_clear_of_its_quota(staged: Path) -> None:
    """Lambda: 250 MB unzipped, layers and function together."""
    assert {name: size for name, _, size in packaging.sizes(staged)}["layer"] < 150_000_000


def test_the_catalogue_and_the_interface_stand_beside_each_other(staged: Path) -> None:
    assert (staged / "layer/docs/openapi.json").is_file()
    assert (staged / "layer/catalogue").is_dir()
