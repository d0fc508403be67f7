"""Views of a message: as it came, as its canonical documents, what the judge said; and written as another message."""

from typing import Any

from exchange import ingest
from exchange.receipt import Received
from singlewindow import canonical, catalogue
from singlewindow.aws import archive
from singlewindow.errors import WindowError, not_found
from singlewindow.findings import Finding
from singlewindow.messages import transform
from singlewindow.messages.definition import message

NAMES = ("raw", "canonical", "report")

# Not application/xml: the gateway hands that on as bytes to those alone who ask for it by name.
XML = "application/vnd.singlewindow.message+xml"
_MEDIA_TYPES = {"json": "application/json", "xml": "application/xml", "edifact": "application/edifact"}


def stored(one: Received, name: str) -> tuple[bytes | str, str, str]:
    """(content, or the key in the archive of what may be large or in any encoding; media type; file name)."""
    if name == "raw":
        return one.raw_key, _MEDIA_TYPES[one.syntax], f"{one.receipt_id}.{one.syntax}"
    if name == "report" and (report := ingest.report_of(one)) is not None:
        return report, "application/json", f"{one.receipt_id}.report.json"
    if name == "canonical" and name in one.outcome:
        content = archive.fetch(one.outcome[name]["key"])
        return content, "application/json", f"{one.receipt_id}.canonical.json"
    raise not_found(f"a view {name!r} of this message")


def written(one: Received, name: str, type: str) -> tuple[bytes, str, str]:
    """The canonical documents as a message of `type`; the content as `stored` gives it.

    Raises 422 where the message carries no documents, `type` carries others, or is too narrow for a value.
    """
    if name == "report":
        raise WindowError(
            400, "no-such-view", "a report is not written as a message", detail_zh="校验报告不能转换为报文"
        )
    if "canonical" not in one.outcome:
        raise WindowError(
            422, "no-canonical-documents", f"{one.type} gave no canonical documents, or is not judged yet",
            detail_zh="该报文没有规范化单证，或尚未校验完成",
        )  # fmt: skip
    held = one.outcome["canonical"]
    choice = carriers(held["document"])
    if type not in choice:
        raise WindowError(
            422, "no-such-carrier", f"{type!r} does not carry {held['document']}; these do: {', '.join(choice)}",
            detail_zh=f"{type} 不承载该单证；可选：{'、'.join(choice)}", known=choice,
        )  # fmt: skip
    documents = canonical.load(archive.fetch(held["key"]))["documents"]
    _sound(documents, held["document"], held["version"])
    definition = message(type)
    if len(documents) > 1 and definition.each is None:
        raise WindowError(
            422, "one-document-only", f"{type} carries one document, not {len(documents)}",
            detail_zh=f"{type} 每份报文只承载一个单证",
        )  # fmt: skip
    try:
        content = transform.write(documents, type)
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
    return content, XML, f"{one.receipt_id}.{type}.xml"


def carriers(document: str) -> list[str]:
    """The messages that carry a document."""
    return [id for id in sorted(catalogue.names("messages")) if ingest.carried_by(id) == document]


def _sound(documents: list[dict[str, Any]], name: str, version: int) -> None:
    """Raises 422 with what is wrong with the shape of the documents: only sound ones can be written."""
    kind = catalogue.document(name, version)
    for document in documents:
        if findings := kind.shape_findings(document):
            raise WindowError(
                422, "document-unsound", "the documents have faults of form: mend them first",
                detail_zh="单证格式有误，请先更正", findings=findings[:100],
            )  # fmt: skip
