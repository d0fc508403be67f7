"""Which messages carry which document, and documents written as one of them."""

from typing import Any

from singlewindow import catalogue
from singlewindow.errors import WindowError
from singlewindow.findings import Finding

# Not application/xml: the gateway hands that on as bytes to those alone who ask for it by name.
XML = "application/vnd.singlewindow.message+xml"


def carried_by(type: str) -> str | None:
    """The document that a message type carries; a document carries itself."""
    try:
        found: str | None = catalogue.load(f"messages/{type}.json")["document"]
    except FileNotFoundError:
        return type  # EDIFACT, or a document in JSON
    return found


def carriers(document: str) -> list[str]:
    """The messages that carry a document."""
    return [id for id in sorted(catalogue.names("messages")) if carried_by(id) == document]


def written(documents: list[dict[str, Any]], name: str, version: int, type: str) -> bytes:
    """Canonical documents `name` of that version as one message of `type`.

    Raises 422 where `type` carries others, the documents have faults of form, or it is too narrow for a value.
    """
    from singlewindow.messages import transform  # lxml
    from singlewindow.messages.definition import message

    choice = carriers(name)
    if type not in choice:
        raise WindowError(
            422, "no-such-carrier", f"{type!r} does not carry {name}; these do: {', '.join(choice)}",
            detail_zh=f"{type} 不承载该单证；可选：{'、'.join(choice)}", known=choice,
        )  # fmt: skip
    _sound(documents, name, version)
    if len(documents) > 1 and message(type).each is None:
        raise WindowError(
            422, "one-document-only", f"{type} carries one document, not {len(documents)}",
            detail_zh=f"{type} 每份报文只承载一个单证",
        )  # fmt: skip
    try:
        return transform.write(documents, type)
    except transform.Untransferable as error:
        why = str(error).removeprefix(f"{error.pointer}: ")
        finding = Finding(
            code="UNTRANSFERABLE", severity="error", pointer=error.pointer, rule="UNTRANSFERABLE",
            message_zh=f"{type} 无法完整承载该值", message_en=f"{type}: {why}", source="catalogue/messages",
        )  # fmt: skip
        raise WindowError(
            422, "untransferable", f"{type} cannot carry {error.pointer} whole: {why}",
            detail_zh=f"{type} 无法完整承载 {error.pointer}", findings=[finding],
        ) from None  # fmt: skip


def _sound(documents: list[dict[str, Any]], name: str, version: int) -> None:
    """Raises 422 with what is wrong with the shape of the documents: only sound ones can be written."""
    kind = catalogue.document(name, version)
    for document in documents:
        if findings := kind.shape_findings(document):
            raise WindowError(
                422, "document-unsound", "the documents have faults of form: mend them first",
                detail_zh="单证格式有误，请先更正", findings=findings[:100],
            )  # fmt: skip
