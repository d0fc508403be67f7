"""What is different between two declarations, and a document with operations applied."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra import ROOT
from singlewindow.difference import Difference, differences, patched, touches
from singlewindow.errors import WindowError
from tests.support.thorough import examples

SAMPLE: dict[str, Any] = json.loads((ROOT / "infra/samples/import-chengdu.json").read_text())
LINES = len(SAMPLE["lines"])


def changed(*operations: tuple[str, str, Any]) -> list[Difference]:
    asked = [{"op": op, "path": path, "value": value} for op, path, value in operations]
    return differences(SAMPLE, patched(SAMPLE, asked))


def test_a_field_has_both_values_its_names_and_its_place() -> None:
    (one,) = changed(("replace", "/lines/2/quantity", "7"))
    assert one.as_json() == {
        "kind": "changed",
        "pointer": "/lines/2/quantity",
        "element": one.element,
        "name_zh": "成交数量",
        "name_en": one.name_en,
        "before": SAMPLE["lines"][2]["quantity"],
        "after": "7",
    }
    assert (one.place, one.element is not None, one.name_en.isascii()) == ("/lines/*/quantity", True, True)


def test_what_comes_in_and_falls_away_has_one_value() -> None:
    (added,) = changed(("add", "/head/licence_no", "26-AB-123456"))
    assert (added.kind, added.before, added.after) == ("added", None, "26-AB-123456")
    (removed,) = differences(SAMPLE, patched(SAMPLE, [{"op": "remove", "path": "/head/note"}]))
    assert (removed.kind, removed.before, removed.after) == ("removed", SAMPLE["head"]["note"], None)


def test_a_line_that_falls_away_is_one_difference_though_all_behind_it_move_up() -> None:
    (one,) = differences(SAMPLE, patched(SAMPLE, [{"op": "remove", "path": "/lines/3"}]))
    assert (one.kind, one.pointer, one.before) == ("removed", "/lines/3", SAMPLE["lines"][3])


def test_lines_in_another_order_are_the_same_lines() -> None:
    after = deepcopy(SAMPLE)
    after["lines"].reverse()
    assert differences(SAMPLE, after) == []


def test_a_container_of_another_number_is_a_changed_number_not_another_container() -> None:
    (one,) = changed(("replace", "/containers/0/container_no", "MSKU0000006"))
    assert (one.kind, one.pointer, one.after) == ("changed", "/containers/0/container_no", "MSKU0000006")


def test_who_signs_is_not_what_is_declared() -> None:
    assert differences(SAMPLE, SAMPLE | {"sign": {"oper_type": "C"}}) == []


@pytest.mark.parametrize(
    ("place", "whether"),
    [
        ("/lines/*/quantity", True),
        ("/lines", True),
        ("/lines/*/hs_code", False),
        ("/head", False),
    ],
)
def test_a_difference_lies_at_a_place_or_within_it(place: str, whether: bool) -> None:
    (one,) = changed(("replace", "/lines/0/quantity", "7"))
    assert touches(one, place) is whether


def test_a_whole_line_contains_its_fields() -> None:
    (one,) = differences(SAMPLE, patched(SAMPLE, [{"op": "remove", "path": "/lines/3"}]))
    assert touches(one, "/lines/*/hs_code") and not touches(one, "/containers")


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/lines/99/quantity", "value": "1"},
        {"op": "replace", "path": "/lines/x/quantity", "value": "1"},
        {"op": "replace", "path": "/head/no_such", "value": "1"},
        {"op": "remove", "path": "/head/no_such"},
        {"op": "add", "path": "/head/note/deeper", "value": "1"},
        {"op": "add", "path": f"/lines/{LINES + 1}", "value": {}},
        {"op": "remove", "path": "/lines/-"},
        {"op": "test", "path": "/head/ie_flag", "value": "E"},
    ],
    ids=str,
)
def test_an_operation_that_cannot_be_done_is_named_and_nothing_is_done(operation: dict[str, Any]) -> None:
    before = deepcopy(SAMPLE)
    first = {"op": "replace", "path": "/head/note", "value": "x"}
    with pytest.raises(WindowError) as refused:
        patched(SAMPLE, [first, operation])
    assert (refused.value.code, refused.value.findings[0].pointer) == ("patch-fails", operation["path"])
    assert before == SAMPLE


FIELDS = st.sampled_from(
    [f"/head/{name}" for name in ("note", "bill_no", "pack_no", "marks")]
    + [f"/lines/{at}/{name}" for at in range(LINES) for name in ("quantity", "goods_name", "unit_price")]
    + ["/containers/0/goods_weight"]
)


@settings(max_examples=examples(40), deadline=None)
@given(st.dictionaries(FIELDS, st.sampled_from(["1", "2", "Ω"]), max_size=8), st.data())
def test_exactly_what_was_changed_is_told_wherever_the_lines_stand(values: dict[str, str], data: Any) -> None:
    after = patched(SAMPLE, [{"op": "add", "path": path, "value": value} for path, value in values.items()])
    after["lines"] = data.draw(st.permutations(after["lines"]))
    told = differences(SAMPLE, after)
    now = {one.pointer: one.after for one in told}
    assert all(_at(after, pointer) == value for pointer, value in now.items())
    really = {path for path, value in values.items() if _at(SAMPLE, path) != value}
    assert len(told) == len(really)


def _at(document: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        document = document[int(part)] if isinstance(document, list) else document.get(part)
    return document
