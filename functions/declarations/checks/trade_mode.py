"""监管方式 × 征免性质 × 备案号 × 征减免税方式."""

from collections.abc import Iterator

from declarations.checks.sound import Sound
from singlewindow.rules import Params, Violation, rule


@rule("TRADE-MODE-LEDGER")
def trade_mode_ledger(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Trade mode and levy nature demand a ledger number of a certain kind."""
    head = declaration.head
    by_levy = params["prefixes"].get(head.get("ie_flag") or "", {}).get(head.get("trade_mode") or "", {})
    # "*": whatever the levy nature.
    prefixes = by_levy.get(head.get("levy_nature") or "") or by_levy.get("*")
    if not prefixes:
        return
    manual = head.get("manual_no")
    if head.absent("manual_no") or (manual is not None and manual[:1] not in prefixes):
        yield Violation(
            head.at("manual_no"),
            given=manual,
            expected=" / ".join(f"{prefix}…" for prefix in prefixes),
            says={"trade_mode": head.get("trade_mode"), "levy_nature": head.get("levy_nature") or "-"},
        )


@rule("TRADE-MODE-LEVY")
def trade_mode_levy(declaration: Sound, params: Params) -> Iterator[Violation]:
    """The levy natures that go with a trade mode."""
    head = declaration.head
    usual = params["levy_natures"].get(head.get("ie_flag") or "", {}).get(head.get("trade_mode") or "")
    levy = head.get("levy_nature")
    if usual and levy is not None and levy not in usual:
        yield Violation(
            head.at("levy_nature"),
            given=levy,
            expected=" / ".join(usual),
            says={"trade_mode": head.get("trade_mode")},
        )


@rule("TRADE-MODE-DUTY")
def trade_mode_duty(declaration: Sound, params: Params) -> Iterator[Violation]:
    """The way of levying that follows from trade mode and levy nature, line by line."""
    head = declaration.head
    by_levy = params["duty_modes"].get(head.get("ie_flag") or "", {}).get(head.get("trade_mode") or "", {})
    usual = by_levy.get(head.get("levy_nature") or "")
    if usual is None:
        return
    for line in declaration.lines:
        mode = line.get("duty_mode")
        if mode is not None and mode != usual:
            yield Violation(line.at("duty_mode"), given=mode, expected=usual, says={"line": line.index + 1})
