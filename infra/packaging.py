"""`python -m infra.packaging [lambda]`: stages `.build`, all that `sam deploy` needs besides template.yaml.

By default for this machine, with the very files of the virtual environment that the tests ran on; with
`lambda` for the manifest's runtime and architecture, from wheels. Modules are compiled to bytecode that is
never checked against its source: no stat calls at a cold start, and the same bytes at every build.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from infra import ROOT, manifest, sdk

BUILD = ROOT / ".build"
REQUIREMENTS = ROOT / "layers/common/requirements.txt"
# Not at run time: build inputs of others, type stubs, tests, what only synthesis reads.
_LEFT_OUT = ("__pycache__", "tests", "examples", "schemas.json", "RECORD", "*.py[ci]", "*.px[dix]", "*.h")
# Of the catalogue, what only its own checks read.
_FOR_DEVELOPERS = ("published", "changes.json", "schema")
# Of chalice the runtime part, of the time zones the one that business dates are in.
_KEPT = {
    "chalice": ("__init__.py", "app.py"),
    "tzdata/zoneinfo": ("__init__.py", "Asia"),
    "tzdata/zoneinfo/Asia": ("__init__.py", "Shanghai"),
}
_WHEELS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")


def build(target: str = "host", into: Path = BUILD) -> None:
    """Write `functions/` and `layer/` anew, for `host` or `lambda`."""
    declared = manifest.load()
    functions, layer = into / "functions", into / "layer"
    for folder in (functions, layer):
        shutil.rmtree(folder, ignore_errors=True)
    for capability in declared.capabilities:
        _copy(ROOT / "functions" / capability, functions / capability / capability)
    python = layer / "python"
    _copy(ROOT / "layers/common/python", python)
    _copy(ROOT / "catalogue", layer / "catalogue")
    _remove(layer / "catalogue" / name for name in _FOR_DEVELOPERS)
    (layer / "docs").mkdir()
    shutil.copy(ROOT / "docs/openapi.json", layer / "docs")
    if target == "host":
        _install_from_here(python)
        interpreter: str | None = sys.executable
    else:
        _install_from_wheels(python, declared.runtime, declared.architecture)
        interpreter = _interpreter(declared.runtime)
    _trim(python)
    sdk.write(python / "botocore/data", sdk.called())
    if interpreter:
        for folder in (functions, python):
            _compile(folder, interpreter)
    else:
        print(f"no {declared.runtime} on this machine: no bytecode in the packages, slower cold starts")


def sizes(into: Path = BUILD) -> list[tuple[str, int, int]]:
    """(package, files, bytes) of each staged folder."""
    folders = [*sorted((into / "functions").iterdir()), into / "layer"]
    found = []
    for folder in folders:
        files = [path for path in folder.rglob("*") if path.is_file()]
        found.append((str(folder.relative_to(into)), len(files), sum(path.stat().st_size for path in files)))
    return found


def pinned() -> dict[str, str]:
    """Package → version, as the layer's requirements pin them."""
    lines = (line.split("#")[0].strip() for line in REQUIREMENTS.read_text().splitlines())
    return dict(line.split("==") for line in lines if line)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*_LEFT_OUT))


def _install_from_here(target: Path) -> None:
    """Copy the installed files of each requirement; `LookupError` on another version than the pinned."""
    for name, version in pinned().items():
        distribution = metadata.distribution(name)
        if distribution.version != version:
            raise LookupError(f"{name} {version} is pinned, {distribution.version} installed: `make clean`")
        for file in distribution.files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                destination = target / file
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), destination)


def _install_from_wheels(target: Path, runtime: str, architecture: str) -> None:
    machine = {"arm64": "aarch64"}.get(architecture, architecture)
    platforms = [argument for tag in _WHEELS for argument in ("--platform", f"{tag}_{machine}")]
    install = f"-m pip install --quiet --disable-pip-version-check --no-deps --no-compile --target {target}"
    wanted = f"--only-binary=:all: --implementation cp --python-version {runtime.removeprefix('python')}"
    command = f"{install} {wanted} --requirement {REQUIREMENTS}".split()
    subprocess.run([sys.executable, *command, *platforms], check=True)


def _interpreter(runtime: str) -> str | None:
    """An interpreter of the runtime's version: bytecode is good for one minor version alone."""
    wanted = runtime.removeprefix("python")
    for candidate in filter(None, (sys.executable, shutil.which(runtime))):
        asked = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        # A shim may be on the path without an interpreter behind it.
        if subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == wanted:
            return candidate
    return None


def _compile(folder: Path, interpreter: str) -> None:
    command = f"-m compileall -q --invalidation-mode unchecked-hash -s {folder} {folder}"
    subprocess.run([interpreter, *command.split()], check=True)


def _trim(folder: Path) -> None:
    for pattern in _LEFT_OUT:
        _remove(folder.rglob(pattern))
    for package, kept in _KEPT.items():
        _remove(path for path in (folder / package).iterdir() if path.name not in kept)
    _remove([folder / "bin", folder / "botocore/data"])


def _remove(paths: Iterable[Path]) -> None:
    for path in list(paths):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    build(sys.argv[1] if len(sys.argv) > 1 else "host")
    for package, count, size in sizes():
        print(f"{package:<28}{count:>6} files{size / 1e6:>8.1f} MB")
