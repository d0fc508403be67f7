"""What a declaration's taxes come to by our own calculation, and where a bill differs."""

from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments import regime
from payments.assessment import FROM_BILL, FROM_DECLARATION, FROM_SAMPLE, FROM_TARIFF, assess
from payments.difference import compare
from payments.tax_line import TaxLine, by_tax, payable
from singlewindow import tariff
from tests.support.thorough import examples

DAY = date(2026, 11, 25)
PARAMS = regime.parameters("TAX-ASSESSMENT", DAY)
USD = {"USD": Decimal("7.1")}
SAMPLE = tariff.sample()


def declared(*lines: dict[str, Any], **head: Any) -> dict[str, Any]:
    return {
        "head": {"ie_flag": "I", "transaction_mode": "1", "gross_weight": "1000"} | head,
        "lines": [
            {"hs_code": "2204210000", "total_price": "1000", "currency": "USD", "duty_mode": "1"} | line
            for line in lines
        ],
    }


def line(number: int, tax: str, base: str, rate: str, amount: str) -> TaxLine:
    return TaxLine(number, tax, Decimal(base), Decimal(rate), Decimal(amount))


def figures(document: dict[str, Any], **more: Any) -> dict[tuple[int, str], str]:
    found = assess(document, PARAMS, more.pop("exchange", USD), more.pop("tariff", SAMPLE), **more)
    return {(one.line, one.tax): str(one.amount) for one in found.lines}


def test_duty_then_consumption_tax_within_its_own_base_then_value_added_tax() -> None:
    # 7,100 · duty 14 % · consumption 10 % of 8,094 ÷ 0.9 · VAT 13 % of 8,993.33
    assert figures(declared({})) == {
        (1, "duty"): "994.00",
        (1, "consumption"): "899.33",
        (1, "vat"): "1169.13",
    }


def test_each_figure_shows_its_formula() -> None:
    found = assess(declared({}), PARAMS, USD, SAMPLE)
    assert [part.trace for part in found.parts] == [
        "7100.00 × 14% = 994.00",
        "(7100.00 + 994.00) ÷ (1 − 10%) × 10% = 899.33",
        "(7100.00 + 994.00 + 899.33) × 13% = 1169.13",
    ]


def test_a_provisional_rate_goes_before_the_most_favoured_nation_rate() -> None:
    assert figures(declared({"hs_code": "8481804090"}))[1, "duty"] == "213.00"  # 3 %, not 5 %


@pytest.mark.parametrize(
    ("head", "value"),
    [
        ({"transaction_mode": "1", "freight_mark": "3", "freight_rate": "500", "freight_currency": "USD"}, "7100.00"),
        ({"transaction_mode": "2", "insurance_mark": "1", "insurance_rate": "0.3"}, "7121.30"),
        (
            {"transaction_mode": "3", "freight_mark": "3", "freight_rate": "100", "freight_currency": "USD",
             "insurance_mark": "1", "insurance_rate": "0.3"},
            "7833.43",  # (7,100 + 710) × 1.003
        ),
        ({"transaction_mode": "3", "freight_mark": "2", "freight_rate": "50", "freight_currency": "USD"}, "7455.00"),
        ({"transaction_mode": "4", "freight_mark": "1", "freight_rate": "5"}, "7455.00"),
        ({"transaction_mode": "1", "other_mark": "3", "other_rate": "-10", "other_currency": "USD"}, "7029.00"),
    ],
    ids=["cif", "c&f", "fob", "fob-per-tonne", "c&i", "a-discount"],
)  # fmt: skip
def test_the_price_is_built_up_to_cif(head: dict[str, str], value: str) -> None:
    assert str(assess(declared({}, **head), PARAMS, USD, SAMPLE).values[1][0]) == value


def test_charges_are_shared_out_by_price() -> None:
    document = declared({"total_price": "300"}, {"total_price": "100"}, transaction_mode="3",
                        freight_mark="3", freight_rate="40", freight_currency="USD")  # fmt: skip
    values = assess(document, PARAMS, USD, SAMPLE).values
    assert [str(value) for value, *_ in values.values()] == ["2343.00", "781.00"]


def test_without_an_exchange_rate_the_bills_base_is_taken_and_said_so() -> None:
    stated = [line(1, "duty", "7000.00", "14", "980.00")]
    found = assess(declared({}), PARAMS, {}, SAMPLE, stated)
    assert found.values[1][:2] == (Decimal("7000.00"), FROM_BILL)
    assert "no exchange rate of assessment for USD" in found.values[1][2]
    assert found.gaps == ()


def test_what_cannot_be_computed_is_a_gap_and_never_a_zero() -> None:
    assert [(gap.line, gap.tax) for gap in assess(declared({}), PARAMS, {}, SAMPLE).gaps] == [(1, None)]
    unknown = assess(declared({"hs_code": "9999999999"}), PARAMS, USD, SAMPLE)
    assert [(gap.line, gap.tax) for gap in unknown.gaps] == [(1, "duty")]
    assert unknown.parts == ()
    reduced = assess(declared({"duty_mode": "4"}), PARAMS, USD, SAMPLE)
    assert [(gap.line, gap.tax) for gap in reduced.gaps] == [(1, None)]
    assert [gap.zh for gap in assess(declared({}, ie_flag="E"), PARAMS, USD, SAMPLE).gaps] == [
        "出口关税未自行计算"
    ]


def test_without_a_tariff_the_rates_are_the_bills_and_only_the_arithmetic_is_checked() -> None:
    stated = [line(1, "duty", "7100", "20", "1420.00"), line(1, "vat", "8520", "13", "1107.00")]
    found = assess(declared({}), PARAMS, USD, None, stated)
    assert {part.source for part in found.parts} == {FROM_BILL}
    differing = compare(stated, found, Decimal(0))
    assert [(one.tax, str(one.by)) for one in differing.lines] == [("vat", "-0.60")]
    assert not differing.complete


def test_a_preference_has_a_rate_that_the_tariff_does_not_know() -> None:
    document = declared({}) | {"origin_relations": [{"line_no": "1", "certificate_no": "<14>X"}]}
    stated = [line(1, "duty", "7100", "0", "0.00")]
    found = assess(document, PARAMS, USD, SAMPLE, stated)
    assert [(part.line.tax, part.source) for part in found.parts] == [
        ("duty", FROM_BILL), ("consumption", FROM_SAMPLE), ("vat", FROM_SAMPLE)]  # fmt: skip


def test_exempt_goods_pay_nothing() -> None:
    assert figures(declared({"duty_mode": "3"})) == {(1, "duty"): "0.00", (1, "vat"): "0.00"}


def test_a_bill_that_is_right_differs_in_nothing_and_the_sample_proves_nothing() -> None:
    found = assess(declared({}), PARAMS, USD, SAMPLE)
    same = compare(found.lines, found, Decimal(0))
    assert (same.lines, same.total, same.complete) == ((), Decimal("0.00"), False)
    assert same.sources == (FROM_DECLARATION, FROM_SAMPLE)


def test_with_a_tariff_and_rates_of_the_day_the_difference_is_complete(tmp_path: Path) -> None:
    edition = tmp_path / "2026-01-01.json"
    text = (tariff.folder() / "sample-2026-01-01.json").read_text()
    edition.write_text(text.replace('"sample":true', '"sample":false'))
    found = assess(declared({}), PARAMS, USD, tariff.Tariff(edition))
    assert compare(found.lines, found, Decimal(0)).complete
    assert found.sources == {FROM_DECLARATION, FROM_TARIFF}


def test_a_sample_of_exchange_rates_is_never_assessed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    assert regime.exchange(DAY) == {}
    monkeypatch.setattr(regime, "parameters", lambda *_: {"sample": False, "rates": {"USD": "7.1"}})
    assert regime.exchange(DAY) == USD


def test_a_line_that_the_bill_forgot_and_one_too_much_are_both_shown() -> None:
    found = assess(declared({}), PARAMS, USD, SAMPLE)
    billed = [one for one in found.lines if one.tax != "vat"]
    differing = compare(billed, found, Decimal(0))
    assert [(one.tax, one.billed, str(one.ours)) for one in differing.lines] == [("vat", None, "1169.13")]
    extra = [*found.lines, line(2, "duty", "1", "1", "5.00")]
    assert compare(extra, found, Decimal(0)).lines[0].ours is None


def test_a_tax_below_fifty_yuan_is_not_levied_and_at_fifty_it_is() -> None:
    bill = [line(1, "duty", "1", "1", "49.99"), line(1, "vat", "1", "1", "30.00"), line(2, "vat", "1", "1", "20.00"),
            line(0, "late-declaration", "1", "0.05", "12.00")]  # fmt: skip
    assert payable(bill, Decimal("50.00")) == {
        "duty": Decimal("0.00"), "vat": Decimal("50.00"), "late-declaration": Decimal("12.00")}  # fmt: skip


@settings(max_examples=examples(45))
@given(
    st.lists(st.decimals("0.01", "99999999", places=2), min_size=1, max_size=8),
    st.sampled_from(["1", "2", "3"]),
    st.decimals("0", "99.99", places=2),
)
def test_any_declaration_is_assessed_to_the_fen_without_raising(
    prices: list[Decimal], terms: str, rate: Decimal
) -> None:
    document = declared(*({"total_price": str(price)} for price in prices), transaction_mode=terms,
                        freight_mark="1", freight_rate=str(rate), insurance_mark="1", insurance_rate="0.3")  # fmt: skip
    before = deepcopy(document)
    found = assess(document, PARAMS, USD, SAMPLE)
    assert document == before
    assert len(found.parts) == 3 * len(prices)
    assert all(one.amount == one.amount.quantize(Decimal("0.01")) and one.amount >= 0 for one in found.lines)
    # No line is rounded by more than half a fen: all of them together stay as near as that.
    exact = sum(prices) * Decimal("7.1")
    values = sum(value for value, *_ in found.values.values())
    if terms == "1":
        assert abs(values - exact) <= Decimal("0.005") * len(prices)
    assert sum(by_tax(found.lines).values()) == sum(one.amount for one in found.lines)
