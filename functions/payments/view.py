"""A bill as its parties see it: where it stands, what it comes to today and tomorrow, and why."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from payments import regime
from payments.bill import EXEMPT, LABELS, SENT, UNPAID, VOID, Standing
from payments.deduction import STRAYS
from payments.late_declaration import Fee, fee
from payments.late_payment import Surcharge, surcharge
from payments.tax_line import NAMES
from singlewindow import clock

REGIMES: Final = {
    "customs-assessed": ("海关审核", "assessed by customs"),
    "self-assessed": ("自报自缴", "assessed and paid by the trader"),
    "consolidated": ("汇总征税", "collected for the month"),
}
_TOMORROW: Final = timedelta(days=1)


def late_payment(content: Mapping[str, Any], as_at: date) -> Surcharge:
    """The surcharge on a bill that is still unpaid as at a date."""
    owed = {tax: Decimal(amount) for tax, amount in content["payable"].items()}
    params = regime.parameters("LATE-PAYMENT", as_at)
    return surcharge(owed, date.fromisoformat(content["due_on"]), as_at, params)


def late_declaration(value: Decimal, entered_on: date, as_at: date) -> Fee:
    """The fee on goods that entered on a day and are not declared, or were declared on `as_at`."""
    params = regime.parameters("LATE-DECLARATION", as_at)
    return fee(value, entered_on, as_at, params, regime.working_days())


def brief(content: Mapping[str, Any], standing: Standing) -> dict[str, Any]:
    """A bill in a list."""
    zh, en = LABELS[standing.state]
    regime_zh, regime_en = REGIMES[content["regime"]]
    return {
        "bill_id": content["bill_id"],
        "window_no": content["window_no"],
        "declaration_version": content["version"],
        "regime": content["regime"],
        "regime_zh": regime_zh,
        "regime_en": regime_en,
        "state": standing.state,
        "state_zh": zh,
        "state_en": en,
        "since": standing.since,
        "settled": standing.settled,
        "issued_at": content["issued_at"],
        "due_on": content["due_on"],
        "total": content["total"],
        "payable": content["to_pay"],
        "superseded_by": standing.superseded_by,
    }


def detail(
    content: Mapping[str, Any], standing: Standing, strays: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """The answer of `GET /payments/bills/{bill_id}`."""
    today = clock.business_date()
    return brief(content, standing) | {
        "agency": content["agency"],
        "journey": f"/panorama/{content['window_no']}",
        "lines": [line | _named(line["tax"]) for line in content["lines"]],
        "taxes": [
            {"tax": tax, **_named(tax), "amount": amount, "payable": content["payable"][tax]}
            for tax, amount in content["taxes"].items()
        ],
        "late_payment": _growing(content, standing, today),
        "late_declaration": _late_declaration(content),
        "assessment": content["assessment"],
        "difference": content["difference"],
        "asleep": content["asleep"],
        "holidays_known": content["holidays_known"],
        "orders": [{"order_id": order, "bank": bank} for order, bank in standing.orders.items()],
        "deducted": None if standing.deducted is None else str(standing.deducted),
        "bank_ref": standing.bank_ref,
        "treasury_ref": standing.treasury_ref,
        "guarantee": _guarantee(standing),
        "reason": standing.reason,
        "strays": [_stray(one) for one in strays],
        "allowed": ["pay"] if standing.state in UNPAID else [],
        "why": _why(content, standing, today),
    }


def _growing(content: Mapping[str, Any], standing: Standing, today: date) -> dict[str, Any]:
    """Today's figure and tomorrow's while it grows; that of its last day once it is paid."""
    if standing.state in (VOID, EXEMPT):
        return {"growing": False, "as_at": today.isoformat(), "today": None, "tomorrow": None}
    if standing.state in (*UNPAID, SENT):
        following = late_payment(content, today + _TOMORROW)
        return {
            "growing": standing.state != SENT and following.days > 0,
            "as_at": today.isoformat(),
            "today": late_payment(content, today).as_json(),
            "tomorrow": following.as_json(),
        }
    paid = clock.business_date(datetime.fromisoformat(str(standing.deducted_at)))
    return {
        "growing": False,
        "as_at": paid.isoformat(),
        "today": late_payment(content, paid).as_json(),
        "tomorrow": None,
    }


def _late_declaration(content: Mapping[str, Any]) -> dict[str, Any] | None:
    """Our own figure as at acceptance; None where nobody knows when the goods entered or what they are worth."""
    try:
        entered = date.fromisoformat(content["entered_on"] or "")
    except ValueError:
        return None
    declared, value = date.fromisoformat(content["declared_on"]), Decimal(content["dutiable_value"])
    if not value:
        return None
    return late_declaration(value, entered, declared).as_json() | {"as_at": declared.isoformat()}


def _guarantee(standing: Standing) -> dict[str, str] | None:
    if standing.guarantee is None or standing.state == VOID:
        return None
    id, amount = standing.guarantee
    return {"guarantee_id": id, "amount": str(amount)}


def _stray(stray: Mapping[str, Any]) -> dict[str, Any]:
    zh, en = STRAYS[stray["why"]]
    return {name: stray[name] for name in ("bank", "ref", "amount", "why")} | {"why_zh": zh, "why_en": en}


def _named(tax: str) -> dict[str, str]:
    zh, en = NAMES[tax]
    return {"tax_zh": zh, "tax_en": en}


def _why(content: Mapping[str, Any], standing: Standing, today: date) -> dict[str, str]:
    """What it waits for, in a sentence."""
    due = content["due_on"]
    if standing.state in UNPAID and standing.guarantee:
        zh, en = f"已凭担保放行，须于 {due} 前缴纳", f"secured by a guarantee; to be paid by {due}"
    elif standing.state in UNPAID and today.isoformat() > due:
        zh, en = f"已于 {due} 逾期，按日加收滞纳金", f"overdue since {due}; a surcharge grows daily"
    elif standing.state in UNPAID:
        zh, en = f"请于 {due} 前缴纳；扣款成功后方可放行", f"pay by {due}; release follows the deduction"
    elif standing.state == SENT:
        zh, en = "等待银行扣款结果", "waiting for the bank"
    elif standing.state == VOID:
        zh, en = "已作废，无须缴纳", "void: nothing is owed on it"
    else:
        zh, en = "无待办事项", "nothing is left to do"
    return {"zh": zh, "en": en}
