"""Commands: small JSON bodies whose shape is code (pydantic); 422 names every field that is wrong."""

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ValidationError

from singlewindow.errors import WindowError
from singlewindow.findings import Finding
from singlewindow.ids import is_uscc

MOST_FINDINGS = 100


def _sound(party: str) -> str:
    if not is_uscc(party):
        raise ValueError("no unified social credit code: 18 characters with the right check character")
    return party


Uscc = Annotated[str, AfterValidator(_sound)]
Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], value: Any) -> Model:
    """`value` as `model`. Raises 422 with one finding a field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        number = error.error_count()
        findings = [
            _finding(one["loc"], one["type"], one["msg"], one["input"])
            for one in error.errors()[:MOST_FINDINGS]
        ]
    detail = f"{number} field(s) are wrong" + (
        f"; the first {MOST_FINDINGS}:" if number > MOST_FINDINGS else ""
    )
    raise WindowError(422, "invalid-command", detail, detail_zh="字段有误", findings=findings)


def _finding(place: tuple[int | str, ...], kind: str, message: str, given: Any) -> Finding:
    return Finding(
        code="INVALID",
        severity="error",
        pointer="".join("/" + str(part)[:100].replace("~", "~0").replace("/", "~1") for part in place),
        rule=f"SHAPE-{kind}",
        given=given if isinstance(given, int | bool | None) else str(given)[:200],
        message_zh=f"字段不符合要求：{message}",
        message_en=message,
    )
