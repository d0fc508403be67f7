"""jsonschema-rs judges on the request path; the `jsonschema` package, the reference, must see the same faults."""

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from singlewindow import catalogue
from tests.support.reference import Reference
from tests.support.sample_documents import GONE, edited, sample
from tests.support.thorough import examples

DECLARATION = catalogue.document()
REFERENCE = Reference(DECLARATION.schema())
BASE = DECLARATION.normalise(sample("import-chengdu"))


def places(value: Any, pointer: str = "") -> list[str]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [pointer, *(deep for name, each in inner for deep in places(each, f"{pointer}/{name}"))]


POINTERS = places(BASE)[1:]
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "1.5",
            "1.234567",
            "00",
            "1e5",
            "2026-02-30",
            "20260101",
            "a\nb",
            "\u0000",
            "\ufffe",
            "𠮷" * 71,
        ]
    ),
    st.from_regex(r"\A[0-9A-Z.,-]{0,40}\n?\Z"),
)
VALUES = st.recursive(
    st.one_of(
        TEXTS, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=2),
    max_leaves=4,
)
EDITS = st.dictionaries(
    st.one_of(st.sampled_from(POINTERS), st.sampled_from(POINTERS).map(lambda pointer: f"{pointer}_x")),
    st.one_of(VALUES, st.just(GONE)),
    min_size=1,
    max_size=5,
)


def mutated(edits: dict[str, Any]) -> Any:
    document: Any = BASE
    for pointer, value in edits.items():
        try:
            document = edited(document, {pointer: value})
        except (KeyError, IndexError, ValueError, TypeError, AttributeError):
            continue  # an earlier edit took the place away
    return document


@settings(max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EDITS)
def test_both_validators_find_the_same_faults(edits: dict[str, Any]) -> None:
    document = mutated(edits)
    ours: Counter[Any] = Counter(
        (tuple(error.instance_path), error.kind.name)
        for error in DECLARATION._validator.iter_errors(document)
    )
    reference: Counter[Any] = Counter(
        (tuple(error.absolute_path), error.validator) for error in REFERENCE.iter_errors(document)
    )
    assert ours == reference


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EDITS)
def test_shape_findings_are_those_of_the_reference_by_place(edits: dict[str, Any]) -> None:
    document = mutated(edits)
    found = {finding.pointer for finding in DECLARATION.shape_findings(document)}
    assert bool(found) == (not REFERENCE.is_valid(document))
    parents = {pointer.rpartition("/")[0] for pointer in found} | found
    for error in REFERENCE.iter_errors(document):
        place = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in error.absolute_path)
        assert place in parents
