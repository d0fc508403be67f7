"""承诺事项: flags whose number and meaning changed over the years (1 yes, 0 no, 9 not stated)."""

from collections.abc import Iterator

from declarations.checks.sound import Sound
from singlewindow.rules import Params, Violation, rule

_POINTER = "/head/promise_items"


@rule("PROMISE-COUNT")
def promise_count(declaration: Sound, params: Params) -> Iterator[Violation]:
    """As many flags as the form has at the date."""
    flags = declaration.head.get("promise_items")
    if flags is not None and len(flags) not in params["lengths"]:
        yield Violation(
            _POINTER, given=flags, expected=" / ".join(str(length) for length in params["lengths"])
        )


@rule("PROMISE-CONTRADICTION")
def promise_contradiction(declaration: Sound, _: Params) -> Iterator[Violation]:
    """A special relation that isn't there cannot have influenced the price."""
    flags = declaration.head.get("promise_items") or ""
    if len(flags) >= 2 and flags[1] == "1" and flags[0] != "1":
        # Which of the two is true only the trader knows: no fix.
        yield Violation(_POINTER, given=flags, expected=f"{flags[0]}0{flags[2:]} / 1{flags[1:]}")


@rule("PROMISE-INFLUENCE")
def promise_influence(declaration: Sound, _: Params) -> Iterator[Violation]:
    """Who confirms a special relation must say whether it moved the price."""
    flags = declaration.head.get("promise_items") or ""
    if flags[:1] == "1" and flags[1:2] in ("9", ""):
        yield Violation(_POINTER, given=flags, expected="10… / 11…")


@rule("PROMISE-MISSING")
def promise_missing(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Imports in ordinary trade state all three; exports, processing and bonded goods need not."""
    if declaration.head.get("trade_mode") not in params["trade_modes"]:
        return
    if declaration.head.absent("promise_items"):
        yield Violation(_POINTER, expected="0 / 1")
        return
    flags = declaration.head.get("promise_items")
    if flags is not None and "9" in flags[:3]:
        yield Violation(_POINTER, given=flags, expected="0 / 1")


@rule("PROMISE-FORMULA")
def promise_formula(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Formula pricing: the flag and the filing number in the note belong together."""
    flags = declaration.head.get("promise_items") or ""
    if len(flags) < 4 or (declaration.head.get("note") is None and not declaration.head.absent("note")):
        return
    noted = params["note_word"] in (declaration.head.get("note") or "")
    if flags[3] == "1" and not noted:
        yield Violation("/head/note", given=declaration.head.get("note"), expected=f"{params['note_word']}…@")
    elif flags[3] == "0" and noted:
        yield Violation(_POINTER, given=flags, expected=f"{flags[:3]}1{flags[4:]}")
