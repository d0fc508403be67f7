"""What an amendment would bring with it, told before it is sent (`domain.md` D.8)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final

from declarations import arrival
from singlewindow.difference import Difference, touches
from singlewindow.tariff import Tariff

# What an inspection looks at: the goods by kind and origin, and the boxes that they are in.
_INSPECTED: Final = (
    "/lines/*/hs_code",
    "/lines/*/ciq_code",
    "/lines/*/quantity",
    "/lines/*/origin_country",
    "/lines/*/goods_attributes",
    "/lines/*/un_number",
    "/containers",
)
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Consequences:
    """`agree`: who must; `tells`: who is told afterwards; `added`, `dropped`: agencies that come in or fall away."""

    agree: tuple[str, ...]
    tells: tuple[str, ...]
    added: tuple[Mapping[str, Any], ...]
    dropped: tuple[str, ...]
    rematch: tuple[str, ...]
    discrepancies: tuple[Mapping[str, Any], ...]
    reinspection: tuple[str, ...]
    tax: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {
            "agree": list(self.agree),
            "tells": list(self.tells),
            "agencies": {"added": list(self.added), "dropped": list(self.dropped)},
            "rematch": {"pointers": list(self.rematch), "discrepancies": list(self.discrepancies)},
            "reinspection": {"pointers": list(self.reinspection)},
            "tax": dict(self.tax),
        }


def consequences(
    found: Sequence[Difference],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    was: Sequence[Mapping[str, Any]],
    now: Sequence[Mapping[str, Any]],
    projection: Callable[[str], Iterable[str]],
    report: Mapping[str, Any] | None,
    tariff: Tariff | None,
    as_at: date,
) -> Consequences:
    """`was`, `now`: the assignments of agencies before and after; `projection`: the places that an agency receives;
    `report`: the terminal's last, where there was one."""
    known, wanted = {one["agency"] for one in was}, {one["agency"] for one in now}
    dropped = tuple(one["agency"] for one in was if one["agency"] not in wanted)
    sees = {agency: _sees(found, projection(agency)) for agency in known}
    agree = tuple(
        one["agency"]
        for one in was
        if one["releases"] or (one["part"] == "decides" and (sees[one["agency"]] or one["agency"] in dropped))
    )
    return Consequences(
        agree=agree,
        tells=tuple(one["agency"] for one in was if sees[one["agency"]] and one["agency"] not in agree),
        added=tuple(one for one in now if one["agency"] not in known),
        dropped=dropped,
        rematch=_at(found, (f"/head/{name}" for name in arrival.COMPARED)),
        discrepancies=tuple(arrival.discrepancies(after, report)) if report else (),
        reinspection=_at(found, _INSPECTED),
        tax=_tax(before, after, tariff, as_at),
    )


def _sees(found: Iterable[Difference], places: Iterable[str]) -> bool:
    wanted = list(places)
    return any(touches(one, place) for one in found for place in wanted)


def _at(found: Iterable[Difference], places: Iterable[str]) -> tuple[str, ...]:
    wanted = list(places)
    return tuple(one.pointer for one in found if any(touches(one, place) for place in wanted))


def _tax(
    before: Mapping[str, Any], after: Mapping[str, Any], tariff: Tariff | None, as_at: date
) -> dict[str, Any]:
    """The change of value and, where the tariff knows the rates, of duty and VAT, in the invoice's own currency.

    An estimate and said to be one: at the most-favoured rate, on the invoice price as it stands. Other
    rates, freight and insurance, exchange and consumption tax are the bill's business.
    """
    uncounted: list[dict[str, str]] = []
    if after["head"]["ie_flag"] != "I":
        return {"lines": [], "delta": {}, "uncounted": [_not("export", "出口税款", "duty on exports")]}
    lines: list[dict[str, Any]] = []
    total: dict[str, Decimal] = {}
    was, now = _priced(before), _priced(after)
    for number in sorted(was.keys() | now.keys(), key=lambda text: (len(text), text)):
        old, new = was.get(number), now.get(number)
        if old == new:
            continue
        values = [one[2] if one else Decimal(0) for one in (old, new)]
        currencies = {one[1] for one in (old, new) if one}
        line: dict[str, Any] = {
            "line": number,
            "currency": currencies.pop() if len(currencies) == 1 else None,
        }
        line["value"] = _plain(values[1] - values[0]) if line["currency"] else None
        taxes = [_taxes(one, tariff, as_at) if one else Decimal(0) for one in (old, new)]
        first, second = taxes
        if first is None or second is None or line["currency"] is None:
            line["tax"] = None
            uncounted.append(
                _not(
                    f"line {number}",
                    f"第 {number} 项：无法取得税率或币种已变更",
                    f"line {number}: no rate is known, or the currency is another",
                )
            )
        else:
            line["tax"] = _plain(second - first)
            total[line["currency"]] = total.get(line["currency"], Decimal(0)) + second - first
        lines.append(line)
    if lines:
        uncounted.append(
            _not(
                "assessment",
                "协定与暂定税率、运保费、汇率、消费税及滞纳金未计入",
                "agreement and provisional rates, freight and insurance, exchange, consumption tax, late fees",
            )
        )
    return {
        "lines": lines,
        "delta": {currency: _plain(amount) for currency, amount in total.items()},
        "uncounted": uncounted,
    }


def _priced(document: Mapping[str, Any]) -> dict[str, tuple[str, str, Decimal]]:
    """(HS code, currency, total price) by line number, of the lines that have all of it."""
    found = {}
    for index, line in enumerate(document["lines"]):
        try:
            one = (line["hs_code"], line["currency"], Decimal(line["total_price"]))
        except (KeyError, InvalidOperation):
            continue
        found[line.get("line_no", str(index + 1))] = one
    return found


def _taxes(priced: tuple[str, str, Decimal], tariff: Tariff | None, as_at: date) -> Decimal | None:
    """Duty and VAT on a price; each rounded to the cent."""
    code, _, value = priced
    goods = tariff.line(code) if tariff else None
    if goods is None or not goods.in_force(as_at):
        return None
    duty_rate, vat_rate = goods.rate("mfn"), goods.rate("vat")
    if duty_rate is None or vat_rate is None:
        return None
    duty = _cents(value * duty_rate / 100)
    return duty + _cents((value + duty) * vat_rate / 100)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _plain(amount: Decimal) -> str:
    return f"{_cents(amount):f}"


def _not(what: str, zh: str, en: str) -> dict[str, str]:
    return {"what": what, "zh": zh, "en": en}
