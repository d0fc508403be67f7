"""What callers ask for: query parameters judged, pages cut, and what is unknown answered with the nearest known."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from singlewindow import clock
from singlewindow.errors import WindowError

Query = Mapping[str, str]
LONGEST = 80
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_WHOLE = re.compile(r"[0-9]{1,6}").fullmatch
_NEAREST = 3


@dataclass(frozen=True, slots=True)
class Page:
    """`start`: how many came before."""

    start: int
    limit: int

    def cut(self, found: Sequence[Any]) -> dict[str, Any]:
        """`total` of what was found, and `next`, the cursor of the following page; None on the last.

        The catalogue stands still between releases, so a place in the list is a cursor that holds.
        """
        if self.start and self.start >= len(found):
            raise bad("cursor", "no page begins there: start again without it", "游标无效，请从第一页开始")
        end = self.start + self.limit
        return {
            "items": list(found[self.start : end]),
            "total": len(found),
            "next": str(end) if end < len(found) else None,
        }


def page(query: Query, usual: int, most: int) -> Page:
    limit, cursor = query.get("limit", str(usual)), query.get("cursor", "0")
    if not (_WHOLE(limit) and 1 <= int(limit) <= most):
        raise bad("limit", f"a whole number from 1 to {most}", f"应为 1 至 {most} 的整数")
    if not _WHOLE(cursor):
        raise bad("cursor", "`next` of the page before", "应为上一页返回的 next")
    return Page(int(cursor), int(limit))


def day(query: Query, name: str = "as_at") -> date:
    """A date; today in China where it is not given."""
    given = query.get(name)
    if given is None:
        return clock.business_date()
    try:
        if not _DAY(given):
            raise ValueError
        return date.fromisoformat(given)
    except ValueError:
        raise bad(name, "a date, YYYY-MM-DD", "应为日期 YYYY-MM-DD") from None


def needed(query: Query, name: str) -> str:
    if name not in query:
        raise bad(name, "is needed", "必须提供")
    return query[name]


def words(query: Query, name: str = "q") -> str:
    """What to search for, as searches compare: half-width, small letters, single blanks."""
    given = query.get(name, "")
    if len(given) > LONGEST:
        raise bad(name, f"up to {LONGEST} characters", f"不超过 {LONGEST} 个字符")
    return folded(given)


def folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def choice(query: Query, name: str, known: Iterable[str]) -> str | None:
    """One of the known values, or None where the parameter is not given."""
    given = query.get(name)
    if given is None or given in (values := sorted(set(known))):
        return given
    near = nearest(given, values)
    hint_en = f"; nearest: {', '.join(near)}" if near else ""
    hint_zh = f"；最接近：{'、'.join(near)}" if near else ""
    raise bad(
        name, f"{given[:LONGEST]!r} is none of them{hint_en}", f"没有“{given[:LONGEST]}”{hint_zh}", near
    )


def unknown(kind_zh: str, kind_en: str, given: str, near: Sequence[str]) -> WindowError:
    """404 for an id that nobody has, with those that may be meant."""
    hint_en = f"; nearest: {', '.join(near)}" if near else ""
    hint_zh = f"；最接近：{'、'.join(near)}" if near else ""
    return WindowError(
        404,
        "not-found",
        f"no {kind_en} {given[:LONGEST]!r}{hint_en}",
        detail_zh=f"没有{kind_zh}“{given[:LONGEST]}”{hint_zh}",
        nearest=list(near),
    )


def nearest(given: str, known: Iterable[str]) -> list[str]:
    from difflib import get_close_matches  # only mistakes need it

    by_fold = {folded(one): one for one in known}
    found = get_close_matches(folded(given[:LONGEST]), by_fold, n=_NEAREST, cutoff=0.5)
    return [by_fold[one] for one in found]


def bad(name: str, en: str, zh: str, near: Sequence[str] = ()) -> WindowError:
    members: dict[str, Any] = {"nearest": list(near)} if near else {}
    return WindowError(400, "bad-parameter", f"{name}: {en}", detail_zh=f"{name}：{zh}", **members)
