"""Receipts: which message each one answers, what it says, and the one way that an answered message's state goes.

What a receipt looks like, which numbers it quotes, who may send it and where its codes lead is dated data in
`catalogue/rules/receipts.json`. A state is the highest (rank, the receipt's own time) of all that was said, so it
comes out the same in whatever order receipts arrive, and however often.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any

from exchange.receipt import Business
from singlewindow import canonical, catalogue, clock
from singlewindow.messages.xml import local
from singlewindow.rules import RuleBook

APPLIED, LATE, REPEATED = "applied", "recorded-late", "repeated"
WAITING, AMBIGUOUS, NOT_YOURS, UNKNOWN_CODE, UNKNOWN_OUTCOME, NO_REFERENCE = (
    "waiting", "ambiguous", "not-yours", "unknown-code", "unknown-outcome", "no-reference",
)  # fmt: skip

# A row remembers so many; the receipts themselves are messages of their own and stay.
MOST_REMEMBERED = 100
_LONGEST_TEXT = 300
# In bytes: a key of the table has room for it, and a row for many.
_LONGEST_REFERENCE = 300
_RULES = ("RECEIPT-DEC-IMPORT", "RECEIPT-DEC-RESULT", "RECEIPT-CEB", "RECEIPT-MANIFEST", "RECEIPT-EDIFACT")
_NEGATIVE = re.compile(r"-[0-9]{1,9}", re.ASCII).fullmatch
_DIGITS = re.compile(r"([0-9]{14})([0-9]{3})?", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class Offer:
    """A document of a message that somebody may answer: the references that an answer would quote."""

    subject: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one receipt says of one thing. `id`: the same words have the same. `at`: the receipt's own time, or ours.

    `subject`: a part of what is answered (one bill of a manifest). `window_no`: the declaration that it speaks of.
    `outcomes`: what it means as an agency's reply to a declaration, the first that replies know.
    """

    id: str
    type: str
    code: str
    at: str
    text: str
    references: tuple[str, ...]
    asked: tuple[str, ...]
    by: tuple[str, ...]
    state: str | None
    rank: int
    end: bool
    zh: str
    en: str
    failure: bool = False
    warning: bool = False
    subject: str = ""
    window_no: str = ""
    entry_id: str = ""
    outcomes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Answer":
        tuples = {name: tuple(value[name]) for name in ("references", "asked", "by", "outcomes")}
        return cls(**{**value, **tuples})


def follow(before: Business, answer: Answer, by: str, receipt_id: str, now: str) -> tuple[Business, str]:
    """(what follows, the effect): of two answers the one of higher rank counts, of equals the later by its own time."""
    if any(one["id"] == answer.id for one in before.answers):
        return before, REPEATED
    counts = (answer.rank, answer.at) > (before.rank, before.at)
    effect = APPLIED if counts else LATE
    told = {
        "id": answer.id, "type": answer.type, "code": answer.code, "state": answer.state, "effect": effect,
        "at": answer.at, "by": by, "recorded_at": now, "receipt_id": receipt_id, "text": answer.text,
        "warning": answer.warning, "failure": answer.failure, "zh": answer.zh, "en": answer.en,
    }  # fmt: skip
    after = replace(before, seq=before.seq + 1, answers=(*before.answers, told)[-MOST_REMEMBERED:])
    if counts:
        after = replace(
            after, state=answer.state or "", rank=answer.rank, at=answer.at, end=answer.end, by=by
        )
    return after, effect


def concerns(type: str, as_at: date) -> bool:
    """Whether messages of a type are answered, or answer."""
    return type in _asked(as_at) or type in _receipts(as_at)


def offers(type: str, message: Any, as_at: date) -> list[Offer]:
    """What a message (an XML root, a JSON document, or what an EDIFACT interchange says of itself) may be answered by;
    empty where nobody answers its type."""
    wanted = _asked(as_at).get(type)
    if wanted is None:
        return []
    found = [_references(message, node, wanted["references"]) for node in _each(message, wanted["each"])]
    return [Offer(references[0], references) for references in found if references]


def answers(type: str, message: Any, as_at: date, received_at: str) -> list[Answer]:
    """What a receipt says; empty for what is none. A receipt without a time of its own counts from `received_at`."""
    found = []
    for form, rule in _receipts(as_at).get(type, ()):
        for node in _each(message, form["each"]):
            code = _bounded(_text(message, node, form["code"]))
            if code:
                found.append(_answer(type, message, node, code, form, rule, received_at))
    return found


def _answer(
    type: str, message: Any, node: Any, code: str, form: Mapping[str, Any], rule: Mapping[str, Any], received_at: str
) -> Answer:  # fmt: skip
    state = rule["states"].get(code) or (rule["negative"] if _NEGATIVE(code) else None) or rule["otherwise"]
    references = _references(message, node, form["references"])
    subject = _bounded(_text(message, node, form["subject"])) if form["subject"] else ""
    stated = _text(message, node, form["at"]) if form["at"] else ""
    text = _text(message, node, form["text"])[:_LONGEST_TEXT]
    window_no = _bounded(_text(message, node, form.get("declaration", "")))
    entry_id = _bounded(_text(message, node, form.get("entry_id", "")))
    said = [type, list(references), subject, code, stated, text, entry_id]
    known = state or {"state": None, "rank": -1, "end": False, "zh": "", "en": ""}
    return Answer(
        id=canonical.sha256(canonical.dumps(said))[:32],
        type=type, code=code, at=_instant(stated) or received_at, text=text, references=references,
        asked=tuple(form["asked"]), by=tuple(rule["by"]), state=known["state"], rank=known["rank"], end=known["end"],
        zh=known["zh"], en=known["en"], failure=known.get("failure", False),
        warning=bool(text and form.get("text_on_success") == "warning" and not known.get("failure")),
        subject=subject, window_no=window_no, entry_id=entry_id,
        outcomes=tuple(known.get("outcomes", ())),
    )  # fmt: skip


def _references(message: Any, node: Any, wanted: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """`<kind>:<value>|<value>`, of those whose every part is there, the surest first."""
    found = []
    for one in wanted:
        parts = [_text(message, node, path) for path in one["from"]]
        if all(parts):
            found.append(f"{one['of']}:{_bounded('|'.join(parts))}")
    return tuple(found)


def _bounded(text: str) -> str:
    """The text, or what stands for one that nobody would give a document as its number."""
    raw = text.encode()
    return text if len(raw) <= _LONGEST_REFERENCE else f"sha256:{canonical.sha256(raw)}"


def _each(message: Any, path: str | None) -> Iterator[Any]:
    """The nodes at a path of names; the message itself where there is none."""
    nodes: Iterable[Any] = (message,)
    for name in (path or "").split("/") if path else ():
        nodes = [child for node in nodes for child in _children(node, name)]
    yield from nodes


def _children(node: Any, name: str) -> Iterable[Any]:
    if isinstance(node, Mapping):
        return node.get(name) or ()
    return [child for child in node if local(child.tag) == name]


def _text(message: Any, node: Any, path: str) -> str:
    """The text at a path of names below `node`, or below the message for one that begins with a slash; else empty."""
    if not path:
        return ""
    at = message if path.startswith("/") else node
    for name in path.strip("/").split("/"):
        if isinstance(at, Mapping):
            at = at.get(name)
        elif at is not None and not isinstance(at, str | list):
            at = next((child for child in at if local(child.tag) == name), None)
    text = at if isinstance(at, str) else getattr(at, "text", None)
    return (text or "").strip()


def _instant(text: str) -> str | None:
    """`yyyyMMddHHmmss[fff]` in China's time, or RFC 3339 (China's where it names no zone), as our stamp."""
    try:
        if found := _DIGITS(text):
            told = datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=clock.BUSINESS_ZONE)
            return clock.stamp(told.replace(microsecond=int(found[2] or 0) * 1000))
        told = datetime.fromisoformat(text)
    except ValueError:
        return None
    return clock.stamp(told if told.tzinfo else told.replace(tzinfo=clock.BUSINESS_ZONE))


@cache
def _book() -> RuleBook:
    return RuleBook(catalogue.load("rules/receipts.json"), ())


@lru_cache(maxsize=64)
def _in_force(as_at: date) -> tuple[Mapping[str, Any], ...]:
    return tuple(_book().parameters(id, as_at) for id in _RULES)


@lru_cache(maxsize=64)
def _asked(as_at: date) -> Mapping[str, Mapping[str, Any]]:
    """Type to what is read of it; a type that two rules name offers the references of both."""
    found: dict[str, dict[str, Any]] = {}
    for rule in _in_force(as_at):
        for type, wanted in rule["asked"].items():
            before = found.setdefault(type, {"each": wanted["each"], "references": []})
            before["references"] = [*before["references"], *wanted["references"]]
    return found


@lru_cache(maxsize=64)
def _receipts(as_at: date) -> Mapping[str, list[tuple[Mapping[str, Any], Mapping[str, Any]]]]:
    return {
        type: [(form, rule) for form in forms]
        for rule in _in_force(as_at)
        for type, forms in rule["receipts"].items()
    }
