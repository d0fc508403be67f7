"""Commands: every wrong field is named, in both languages."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from singlewindow import commands
from singlewindow.errors import WindowError
from singlewindow.fields import Uscc


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: Annotated[str, Field(pattern="^[0-9]+$")]
    kind: Literal["a", "b"]
    lines: Annotated[list[int], Field(max_length=1)]
    party: Uscc


def test_every_wrong_field_is_named_in_both_languages_as_it_came() -> None:
    given = {"number": {"a": "中"}, "kind": "c", "lines": [1, 2], "party": "X", "more": 1}
    with pytest.raises(WindowError) as caught:
        commands.parse(Order, given)
    findings = {one["pointer"]: one for one in (each.as_json() for each in caught.value.findings)}
    assert findings.keys() == {"/number", "/kind", "/lines", "/party", "/more"}
    assert findings["/number"]["given"] == '{"a": "中"}'
    assert "'a' or 'b'" in findings["/kind"]["message_zh"]
    assert findings["/lines"]["message_zh"] == "至多 1 项"
    assert findings["/more"]["message_zh"] == "不允许的字段"
    assert not findings["/party"]["message_en"].startswith("Value error")
    for one in findings.values():
        assert one["message_zh"] and not one["message_zh"].isascii() and one["message_en"].isascii()
