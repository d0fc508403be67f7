"""What a declaration's import taxes come to by our own calculation, as at a date, with the formula of each figure.

Dutiable value: the price in yuan at the exchange rate of assessment, with freight, insurance and other charges built up
to CIF as the terms of delivery ask, shared out by price. Duty on that; consumption tax on (value + duty) / (1 − rate);
value added tax on value + duty + consumption tax. Rounded per line and tax, half up, and nowhere in between.

Rates come from the tariff edition of the day. Where there is none, or it does not say, they are what the bill says:
then only the arithmetic is checked, and `source` says so. What cannot be computed at all is a gap, never a zero.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from payments.money import rounded
from payments.tax_line import CONSUMPTION, DUTY, VAT, TaxLine
from singlewindow.canonical import plain
from singlewindow.rules import Params
from singlewindow.tariff import Tariff, TariffLine

_HUNDRED: Final = Decimal(100)
_TONNE: Final = Decimal(1000)
_FEES: Final = ("freight", "insurance", "other")
FROM_DECLARATION, FROM_TARIFF, FROM_SAMPLE, FROM_BILL = "declaration", "tariff", "sample", "bill"


@dataclass(frozen=True, slots=True)
class Part:
    """One figure of ours: `source` is where its rate comes from, `trace` how it is computed."""

    line: TaxLine
    source: str
    trace: str


@dataclass(frozen=True, slots=True)
class Gap:
    """What could not be computed, and why; `tax` None: all taxes of the line."""

    line: int
    tax: str | None
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """`values`: dutiable value a line, in yuan, with its source and formula."""

    values: Mapping[int, tuple[Decimal, str, str]]
    parts: tuple[Part, ...]
    gaps: tuple[Gap, ...]

    @property
    def lines(self) -> tuple[TaxLine, ...]:
        return tuple(part.line for part in self.parts)

    @property
    def sources(self) -> frozenset[str]:
        return frozenset(part.source for part in self.parts) | {one[1] for one in self.values.values()}

    def as_json(self) -> dict[str, Any]:
        return {
            "values": [
                {"line": line, "value": str(value), "source": source, "trace": trace}
                for line, (value, source, trace) in self.values.items()
            ],
            "lines": [
                part.line.as_json() | {"source": part.source, "trace": part.trace} for part in self.parts
            ],
            "not_computed": [
                {"line": gap.line, "tax": gap.tax, "why_zh": gap.zh, "why_en": gap.en} for gap in self.gaps
            ],
        }


class _Unknown(Exception):
    """Something that the figure needs is not known: `zh`, `en` say what."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


def assess(
    document: Mapping[str, Any],
    params: Params,
    exchange: Mapping[str, Decimal],
    tariff: Tariff | None,
    stated: Iterable[TaxLine] = (),
) -> Assessment:
    """Our calculation of an import: `exchange` in yuan a unit, `stated` the lines of the bill it is held against."""
    said = {(one.line, one.tax): one for one in stated}
    taxed = frozenset(line for line, _ in said)
    head, lines = document["head"], document["lines"]
    # An agreement's rate is not in the tariff: where a line claims one, its duty is taken at the bill's rate.
    preferred = {one.get("line_no") for one in document.get("origin_relations", ())}
    if head.get("ie_flag") != "I":
        return Assessment({}, (), (Gap(0, None, "出口关税未自行计算", "export duty is not computed by us"),))
    try:
        built_up = _built_up(head, lines, params, exchange)
    except _Unknown as unknown:
        built_up, why = None, unknown
    values: dict[int, tuple[Decimal, str, str]] = {}
    parts: list[Part] = []
    gaps: list[Gap] = []
    for number, line in enumerate(lines, 1):
        if built_up is not None:
            value, trace = built_up[number - 1]
            values[number] = (rounded(value, params["places"]), FROM_DECLARATION, trace)
        elif (duty := said.get((number, DUTY))) is not None:
            values[number] = (duty.base, FROM_BILL, f"{duty.base} ({why.en})")
        else:
            gaps.append(Gap(number, None, why.zh, why.en))
            continue
        known = tariff.line(line.get("hs_code", "")) if tariff else None
        rates = _Rates(number, tariff, known, said, number in taxed, str(number) in preferred)
        _levy(number, line, values[number][0], rates, params, parts, gaps)
    return Assessment(values, tuple(parts), tuple(gaps))


def _levy(
    number: int,
    line: Mapping[str, Any],
    value: Decimal,
    rates: "_Rates",
    params: Params,
    parts: list[Part],
    gaps: list[Gap],
) -> None:
    """The three taxes of one line; a gap in one leaves those that build on it unknown as well."""
    places = params["places"]
    try:
        mode = params["duty_modes"].get(line.get("duty_mode"))
        if mode is None:
            raise _Unknown(
                "征免方式无法自行计算", f"duty mode {line.get('duty_mode')!r} is not computed by us"
            )
        if mode == "exempt":
            nothing = rounded(Decimal(0), places)
            parts.extend(
                Part(TaxLine(number, tax, value, Decimal(0), nothing), FROM_DECLARATION, "duty_mode: exempt")
                for tax in (DUTY, VAT)
            )
            return
        tax = DUTY
        rate, source = rates.of(DUTY)
        duty = rounded(value * rate / _HUNDRED, places)
        parts.append(
            Part(TaxLine(number, DUTY, value, rate, duty), source, f"{value} × {plain(rate)}% = {duty}")
        )
        tax = CONSUMPTION
        rate, source = rates.of(CONSUMPTION)
        excise = Decimal(0)
        if rate:
            base = rounded((value + duty) / (1 - rate / _HUNDRED), places)
            excise = rounded((value + duty) / (1 - rate / _HUNDRED) * rate / _HUNDRED, places)
            trace = f"({value} + {duty}) ÷ (1 − {plain(rate)}%) × {plain(rate)}% = {excise}"
            parts.append(Part(TaxLine(number, CONSUMPTION, base, rate, excise), source, trace))
        tax = VAT
        rate, source = rates.of(VAT)
        base = value + duty + excise
        vat = rounded(base * rate / _HUNDRED, places)
        trace = f"({value} + {duty} + {excise}) × {plain(rate)}% = {vat}"
        parts.append(Part(TaxLine(number, VAT, base, rate, vat), source, trace))
    except _Unknown as unknown:
        gaps.append(Gap(number, None if mode is None else tax, unknown.zh, unknown.en))


@dataclass(frozen=True, slots=True)
class _Rates:
    """Where the rates of one line come from: the tariff's line where there is one, else the bill."""

    number: int
    tariff: Tariff | None
    known: TariffLine | None
    said: Mapping[tuple[int, str], TaxLine]
    taxed: bool
    preferred: bool

    def of(self, tax: str) -> tuple[Decimal, str]:
        """Per cent, and its source."""
        if self.tariff and self.known and not (tax == DUTY and self.preferred):
            found = self._by_tariff(tax)
            if found is not None:
                return found, FROM_SAMPLE if self.tariff.is_sample else FROM_TARIFF
        if (stated := self.said.get((self.number, tax))) is not None:
            return stated.rate, FROM_BILL
        if tax == CONSUMPTION and (self.taxed or (self.known and "consumption" in self.tariff.columns)):  # type: ignore[union-attr]
            return Decimal(0), FROM_BILL if self.taxed else FROM_TARIFF
        raise _Unknown("税则数据未导入或未载明税率", "the tariff at hand does not state the rate")

    def _by_tariff(self, tax: str) -> Decimal | None:
        line = self.known
        assert line is not None
        if tax == DUTY:
            provisional = line.rate("provisional")
            return line.rate("mfn") if provisional is None else provisional
        if tax == CONSUMPTION and line.consumption is None and "consumption" in self.tariff.columns:  # type: ignore[union-attr]
            return Decimal(0)
        return line.rate(tax)


def _built_up(
    head: Mapping[str, Any], lines: list[Mapping[str, Any]], params: Params, exchange: Mapping[str, Decimal]
) -> list[tuple[Decimal, str]]:
    """The dutiable value of each line, exact, with its formula."""
    into_yuan = _converter(exchange, params["home_currency"])
    prices = [into_yuan(_number(line, "total_price"), line.get("currency")) for line in lines]
    goods = sum(prices, Decimal(0))
    if goods <= 0:
        raise _Unknown("货值为零", "the goods are declared to cost nothing")
    terms = head.get("transaction_mode") or ""
    if terms not in params["added"]:
        raise _Unknown("成交方式无法折算为到岸价", f"terms of delivery {terms!r}: not built up to CIF by us")
    added: dict[str, Decimal] = {}
    for fee in _FEES:
        if fee in params["added"][terms] or fee in params["always_added"]:
            on = goods + added.get("freight", Decimal(0)) if fee == "insurance" else goods
            added[fee] = _fee(head, fee, on, params, into_yuan)
    charges = sum(added.values(), Decimal(0))
    shown = " + ".join([f"{fee} {rounded(amount)}" for fee, amount in added.items() if amount])
    found = []
    for price in prices:
        value = price + charges * price / goods
        trace = f"{rounded(price)}" + (f" + ({shown}) × {rounded(price)} ÷ {rounded(goods)}" if shown else "")
        found.append((value, f"{trace} = {rounded(value)}"))
    return found


def _fee(
    head: Mapping[str, Any],
    fee: str,
    on: Decimal,
    params: Params,
    into_yuan: Callable[[Decimal, str | None], Decimal],
) -> Decimal:
    """A charge in yuan: a rate of what it is taken on, a price a tonne of gross weight, or an amount."""
    mark = params["fee_marks"].get(head.get(f"{fee}_mark"))
    if head.get(f"{fee}_rate") is None:
        return Decimal(0)
    rate = _number(head, f"{fee}_rate")
    if mark == "rate":
        return on * rate / _HUNDRED
    amount = into_yuan(rate, head.get(f"{fee}_currency"))
    if mark == "amount":
        return amount
    if mark == "per-tonne":
        return amount * _number(head, "gross_weight") / _TONNE
    raise _Unknown("费用标志缺失", f"{fee}: no mark says what its rate means")


def _converter(exchange: Mapping[str, Decimal], home: str) -> Callable[[Decimal, str | None], Decimal]:
    def into_yuan(amount: Decimal, currency: str | None) -> Decimal:
        if currency == home:
            return amount
        if currency is None or currency not in exchange:
            raise _Unknown(f"缺少 {currency} 的计征汇率", f"no exchange rate of assessment for {currency}")
        return amount * exchange[currency]

    return into_yuan


def _number(values: Mapping[str, Any], name: str) -> Decimal:
    try:
        return Decimal(values[name])
    except (KeyError, InvalidOperation, TypeError):
        raise _Unknown(f"缺少 {name}", f"{name} is missing or no number") from None
