"""Photos, records of samples, documents: announced with their hash, uploaded beside the API, kept in the archive."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from inspections import store
from inspections.store import Evidence
from singlewindow import clock
from singlewindow.aws import archive, uploads
from singlewindow.errors import WindowError, not_found

LINK_SECONDS: Final = 300

# How a file of each type begins.
_BEGINNINGS: Final = {
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "application/pdf": b"%PDF-",
}
_ENDINGS: Final = {"image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf"}


def announce(inspection_id: str, agency: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """Where to PUT the file and what to call then. The same file announced again is the same evidence."""
    id = str(uuid5(NAMESPACE_URL, f"{inspection_id}/{agency}/{told['sha256']}"))
    store.announce(inspection_id, Evidence(id=id, agency=agency, announced_at=clock.stamp(), **told))
    return {
        "evidence_id": id,
        **uploads.invitation(_place(id), told["bytes"], told["sha256"]),
        "then": f"/inspections/{inspection_id}/evidence/{id}",
    }


def arrived(inspection_id: str, agency: str, evidence_id: str) -> Evidence:
    """Take what was uploaded into the archive; a repetition changes nothing.

    Raises 404 for what this agency did not announce, 409 where nothing has come, 422 where it is something else.
    """
    one = find(inspection_id, evidence_id)
    if one.agency != agency:
        raise not_found(evidence_id)
    if one.key is not None:
        return one
    raw = uploads.taken(_place(one.id), one.sha256)
    if not raw.startswith(_BEGINNINGS[one.media_type]):
        raise WindowError(
            422, "not-that-type", f"this is no {one.media_type}", detail_zh="文件内容与声明的类型不符"
        )
    kept = replace(one, key=archive.keep_once(raw, one.media_type))
    store.arrived(inspection_id, kept)
    return kept


def find(inspection_id: str, evidence_id: str) -> Evidence:
    """The evidence of an id. Raises 404."""
    for one in store.evidence(inspection_id, evidence_id):
        if one.id == evidence_id:
            return one
    raise not_found(evidence_id)


def link(one: Evidence) -> str:
    """An address from which the file can be read for some minutes. Raises 409 where it has not come."""
    if one.key is None:
        raise WindowError(409, "not-uploaded", "nothing has come yet", detail_zh="尚未收到文件")
    return archive.link(one.key, f"{one.id}.{_ENDINGS[one.media_type]}", one.media_type, LINK_SECONDS)


def _place(id: str) -> str:
    return f"{id[:4]}/inspections/{id}"
