"""The staged packages: everything that the functions import is in them, and little else."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from infra import manifest, packaging, sdk


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    packaging.build("host", folder)
    return folder


@pytest.mark.parametrize("capability", manifest.load().capabilities)
def test_an_app_imports_from_its_package_and_the_layer_alone(capability: str, staged: Path) -> None:
    paths = [staged / "functions" / capability, staged / "layer/python"]
    said = alone(
        paths,
        f"import {capability}.app as module; print(module.__spec__.cached, module.__file__)\n"
        "import singlewindow.aws.clients, singlewindow.clock",
    )
    assert str(staged) in said


# botocore resolves the endpoint, builds and signs each request by the cut-down models, up to sending it.
CALL_EVERYTHING = """
import json, sys, botocore.handlers
from botocore import xform_name
from singlewindow.aws.clients import client

class Sent(Exception):
    pass

def send(request, **_):
    raise Sent(request.url)

botocore.handlers.BUILTIN_HANDLERS.append(("before-send", send))
for service, operations in json.loads(sys.stdin.read()).items():
    for operation in operations:
        given = {"Bucket": "archive", "Key": "key"} if service == "s3" else {}
        if operation.startswith("Batch"):
            given = {"RequestItems": {}}
        if service == "scheduler":
            given = {"Name": "timer"}
        try:
            getattr(client(service), xform_name(operation))(**given)
        except Sent as sent:
            print(operation, sent)
"""


def test_every_operation_that_the_code_calls_can_be_built_from_the_models_in_the_layer(staged: Path) -> None:
    called = {service: sorted(operations) for service, operations in sdk.called().items()}
    said = alone(
        [staged / "layer/python"],
        CALL_EVERYTHING,
        given=json.dumps(called),
        AWS_ACCESS_KEY_ID="key",
        AWS_SECRET_ACCESS_KEY="secret",
        AWS_DEFAULT_REGION="cn-northwest-1",
    )
    sent = dict(line.split() for line in said.splitlines())
    assert sorted(sent) == sorted(operation for operations in called.values() for operation in operations)
    assert all("cn-northwest-1.amazonaws.com.cn" in url for url in sent.values())


def test_what_a_module_calls_is_known_by_the_services_and_names_that_it_uses(tmp_path: Path) -> None:
    (tmp_path / "desk.py").write_text(
        'queues = client("sqs")\nqueues.send_message(QueueUrl="q")\nqueues.receive(1)\nclient(name).put_item()\n'
    )
    assert sdk.called([tmp_path]) == {"sqs": {"SendMessage"}}


def test_a_cut_model_keeps_the_shapes_of_its_operations_whole() -> None:
    whole = Loader().load_service_model("dynamodb", "service-2")
    cut = ServiceModel(sdk.cut(whole, ["Query"]))
    before, after = ServiceModel(whole).operation_model("Query"), cut.operation_model("Query")
    assert cut.operation_names == ["Query"]
    assert list(after.input_shape.members) == list(before.input_shape.members)
    assert list(after.output_shape.members) == list(before.output_shape.members)
    assert {shape.name for shape in after.error_shapes} == {shape.name for shape in before.error_shapes}
    assert "documentation" not in json.dumps(
        [cut._service_description["operations"], cut._service_description["shapes"]]
    )


def alone(paths: list[Path], script: str, given: str = "", **environment: str) -> str:
    """What a script prints that has only these paths and this environment."""
    lines = f"import sys; sys.path[:0] = {[str(path) for path in paths]!r}\n{script}"
    # -I -S: no user site, no virtual environment; what is missing is missing.
    command = [sys.executable, "-I", "-S", "-c", lines]
    done = subprocess.run(command, env=environment, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


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
