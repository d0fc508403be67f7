"""Whom a sender names: the header `Receivers`, one to five parties, each a USCC or an agency of the catalogue."""

from typing import Final

from singlewindow import catalogue
from singlewindow.errors import WindowError
from singlewindow.ids import is_uscc

MOST: Final = 5


def is_party(name: str) -> bool:
    return name in catalogue.names("agencies") or is_uscc(name)


def named(header: str | None) -> tuple[str, ...]:
    """The parties in the sender's order, each once; none without a header. Raises 422 with all that are none."""
    parties = tuple(dict.fromkeys(one.strip() for one in (header or "").split(",") if one.strip()))
    agencies = catalogue.names("agencies")
    strangers = [one[:40] for one in parties if not is_party(one)]
    if strangers or len(parties) > MOST:
        raise WindowError(
            422, "receivers-unknown",
            f"Receivers: at most {MOST}, each a unified social credit code or an agency's id"
            f" ({', '.join(agencies)}); wrong: {', '.join(strangers[:MOST]) or 'too many'}",
            detail_zh=f"接收方最多 {MOST} 个，须为统一社会信用代码或部门代码（{'、'.join(agencies)}）；"
            f"有误：{'、'.join(strangers[:MOST]) or '数量过多'}",
            given=strangers[:MOST],
        )  # fmt: skip
    return parties
