"""Whatever arrives, the checks answer: they never raise, and their answer is in order."""

import json
from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from declarations.check import Report, check, rulebook
from declarations.checks.sound import Sound
from singlewindow.findings import in_order
from tests.support.sample_documents import TODAY, sample
from tests.support.thorough import examples

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False, places=6),
    st.text(max_size=40),
    st.sampled_from(
        [
            "",
            " ",
            "0",
            "-1",
            "1e400",
            "NaN",
            "Infinity",
            "²",
            "１２",
            "9" * 60,
            "0.000001",
            "@",
            "<17>",
            "|",
            "{given}",
        ]
    ),
    st.lists(st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)
NAMES = st.sampled_from(["head", "lines", "containers", "free_text", "sign", "x"])
DAYS = st.dates(min_value=date(2015, 1, 1), max_value=date(2032, 12, 31))
BASES = tuple(json.dumps(sample(name)) for name in ("import-chengdu", "export-chengdu"))


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every member and entry, inner ones included."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    found = []
    for name, inner in members:
        found.append((*way, name))
        found += places(inner, (*way, name))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A sound declaration with up to eight members replaced by odd values, removed, doubled or swapped."""
    document = json.loads(draw(st.sampled_from(BASES)))
    for _ in range(draw(st.integers(1, 8))):
        found = places(document)
        if not found:
            break
        *way, last = draw(st.sampled_from(found))
        place = document
        for part in way:
            place = place[part]
        match draw(st.sampled_from(("replace", "remove", "double", "borrow"))):
            case "replace":
                place[last] = draw(ODD)
            case "remove":
                del place[last]
            case "double" if isinstance(place, list):
                place.append(json.loads(json.dumps(place[last], default=str)))
            case _:
                *other, name = draw(st.sampled_from(found))
                source: Any = document
                for part in other:
                    source = source[part]
                place[last] = json.loads(json.dumps(source[name], default=str))
    return document


def assert_in_order(report: Report) -> None:
    assert list(report.findings) == in_order(report.findings)
    pairs = [(finding.pointer, finding.rule) for finding in report.findings]
    assert len(pairs) == len(set(pairs))
    for finding in report.findings:
        assert finding.severity in ("error", "warn", "info")
        assert finding.message_zh
        assert finding.message_en
    assert report.valid is not any(finding.severity == "error" for finding in report.findings)
    json.dumps(report.as_json())


@settings(
    max_examples=examples(400),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(document=mutated(), as_at=DAYS)
def test_a_mutated_declaration_is_judged_and_never_raises(document: Any, as_at: date) -> None:
    assert_in_order(check(document, as_at))


@settings(max_examples=examples(150), deadline=None)
@given(
    document=st.dictionaries(
        NAMES, st.recursive(ODD, lambda inner: st.dictionaries(NAMES, inner), max_leaves=8)
    )
)
def test_anything_at_all_is_judged_and_never_raises(document: Any) -> None:
    assert_in_order(check(document, TODAY))


@settings(
    max_examples=examples(300),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(document=mutated(), as_at=DAYS)
def test_rules_don_t_lean_on_the_schema(document: Any, as_at: date) -> None:
    """Even over what shape would have refused, the rules themselves don't raise: one fault marks every block."""
    subject = Sound(document, ["/elsewhere"], as_at)
    rulebook().evaluate(subject, as_at, subject.facts)


@settings(max_examples=examples(60), deadline=None)
@given(as_at=DAYS)
def test_judging_twice_gives_the_same_answer(as_at: date) -> None:
    document = sample("import-chengdu")
    assert check(document, as_at) == check(document, as_at)
    assert document == sample("import-chengdu")
