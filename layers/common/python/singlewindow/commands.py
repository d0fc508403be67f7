"""Commands: small JSON bodies whose shape is code (pydantic); 422 names every field that is wrong."""

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, TypeVar

from singlewindow.errors import WindowError
from singlewindow.findings import Finding

if TYPE_CHECKING:  # handlers import this module, and most of them read no command
    from pydantic import BaseModel

MOST_FINDINGS = 100

Model = TypeVar("Model", bound="BaseModel")


def parse(model: type[Model], value: Any) -> Model:
    """`value` as `model`. Raises 422 with one finding a field."""
    from pydantic import ValidationError

    try:
        return model.model_validate(value)
    except ValidationError as error:
        number = error.error_count()
        findings = [
            _finding(one["loc"], one["type"], one["msg"], one["input"], one.get("ctx", {}))
            for one in error.errors()[:MOST_FINDINGS]
        ]
    detail = f"{number} field(s) are wrong" + (
        f"; the first {MOST_FINDINGS}:" if number > MOST_FINDINGS else ""
    )
    raise WindowError(422, "invalid-command", detail, detail_zh="字段有误", findings=findings)


# What pydantic says of the commonest faults, in Chinese; the rest is told in English alone.
_ZH: Final = {
    "missing": "缺少该字段",
    "extra_forbidden": "不允许的字段",
    "string_type": "应为文本",
    "string_too_short": "至少 {min_length} 个字符",
    "string_too_long": "至多 {max_length} 个字符",
    "string_pattern_mismatch": "格式不符，应匹配 {pattern}",
    "literal_error": "应为 {expected} 之一",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "bool_type": "应为 true 或 false",
    "decimal_type": "应为数值",
    "decimal_parsing": "应为数值",
    "decimal_max_places": "至多 {decimal_places} 位小数",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "应不小于 {ge}",
    "less_than": "应小于 {lt}",
    "less_than_equal": "应不大于 {le}",
    "list_type": "应为数组",
    "too_short": "至少 {min_length} 项",
    "too_long": "至多 {max_length} 项",
    "dict_type": "应为对象",
    "model_type": "应为对象",
    "date_from_datetime_parsing": "应为日期 YYYY-MM-DD",
    "date_parsing": "应为日期 YYYY-MM-DD",
    "datetime_parsing": "应为时刻（RFC 3339）",
    "datetime_from_date_parsing": "应为时刻（RFC 3339）",
    "timezone_aware": "时刻须带时区",
    "uscc": "不是有效的统一社会信用代码：18 位，校验位须正确",
}


def _finding(
    place: tuple[int | str, ...], kind: str, message: str, given: Any, context: dict[str, Any]
) -> Finding:
    message = message.removeprefix("Value error, ")
    wording = _ZH.get(kind)
    said = wording.format_map(defaultdict(str, context)) if wording else f"不符合要求：{message}"
    if isinstance(given, dict | list):  # as it came, not as Python has it
        given = json.dumps(given, ensure_ascii=False, default=str)
    return Finding(
        code="INVALID",
        severity="error",
        pointer="".join("/" + str(part)[:100].replace("~", "~0").replace("/", "~1") for part in place),
        rule=f"SHAPE-{kind}",
        given=given if isinstance(given, int | bool | None) else str(given)[:200],
        message_zh=said,
        message_en=message,
    )
