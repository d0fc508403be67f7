"""Views of a message: as it came, as its canonical documents, what the judge said; and written as another message."""

from exchange import ingest
from exchange.receipt import Received
from singlewindow import canonical
from singlewindow.aws import archive
from singlewindow.errors import WindowError, not_found
from singlewindow.messages import carriers
from singlewindow.messages.carriers import XML

NAMES = ("raw", "canonical", "report")
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
    documents = canonical.load(archive.fetch(held["key"]))["documents"]
    content = carriers.written(documents, held["document"], held["version"], type)
    return content, XML, f"{one.receipt_id}.{type}.xml"
