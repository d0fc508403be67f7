"""What a bill says once it is opened: its lines, what of them is payable, until when, and how ours differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from payments import regime
from payments.assessment import Assessment, assess
from payments.difference import compare
from payments.money import total
from payments.tax_line import TaxLine, by_tax, payable
from payments.term import due_on
from singlewindow import clock, tariff
from singlewindow.consignment import Consignment
from singlewindow.events import Event


@dataclass(frozen=True, slots=True)
class Draft:
    """A bill as whoever made it states it. `bill_id` None: the window numbers it."""

    agency: str
    regime: str
    issued_at: str
    lines: tuple[TaxLine, ...]
    bill_id: str | None = None
    supersedes: str | None = None

    @classmethod
    def of_reply(cls, event: Event) -> "Draft":
        """From `AgencyReplied` with the outcome `tax`."""
        tax = event.data["tax"]
        return cls(
            event.data["agency"],
            tax["regime"],
            clock.stamp(datetime.fromisoformat(tax["issued_at"])),
            tuple(TaxLine.read(line) for line in tax["lines"]),
            tax["bill_id"],
            tax.get("supersedes"),
        )

    def says(self, content: Mapping[str, Any]) -> bool:
        """Whether a bill as it is kept was opened from this."""
        return (self.agency, self.regime, self.issued_at, [one.as_json() for one in self.lines]) == (
            content["agency"], content["regime"], content["issued_at"], content["lines"]
        )  # fmt: skip


def ours(document: Mapping[str, Any], day: date, stated: Sequence[TaxLine] = ()) -> Assessment:
    """Our own calculation by whatever data the day has."""
    params = regime.parameters("TAX-ASSESSMENT", day)
    return assess(document, params, regime.exchange(day), tariff.edition(day), stated)


def asleep(day: date) -> list[dict[str, str]]:
    """Which data our calculation had to do without."""
    missing = []
    if not regime.exchange(day):
        missing.append(
            {
                "data": "exchange-of-assessment",
                "zh": "未维护计征汇率：外币价格按税单的完税价格计算",
                "en": "no exchange rates of assessment at hand: foreign prices are taken at the bill's base",
            }
        )
    if tariff.edition(day) is None:
        missing.append(
            {
                "data": "tariff",
                "zh": "未导入税则：税率按税单所列，仅核对计算",
                "en": "no tariff edition at hand: rates are the bill's own, and only its arithmetic is checked",
            }
        )
    return missing


def opened(
    draft: Draft, consignment: Consignment, version: int, document: Mapping[str, Any]
) -> dict[str, Any]:
    """The bill as it is kept: what was stated, what follows from it, and our calculation beside it."""
    issued = clock.business_date(datetime.fromisoformat(draft.issued_at))
    declared = clock.business_date(datetime.fromisoformat(_declared_at(consignment, version)))
    params = regime.parameters("TAX-ASSESSMENT", declared)
    assessment = ours(document, declared, draft.lines)
    difference = compare(draft.lines, assessment, Decimal(params["tolerance"]))
    owed = payable(draft.lines, Decimal(params["exempt_below"]))
    days = regime.working_days()
    due = due_on(draft.regime, issued, declared, regime.parameters("TAX-TERM", issued), days)
    head = document["head"]
    return {
        "bill_id": draft.bill_id,
        "window_no": consignment.window_no,
        "version": version,
        "agency": draft.agency,
        "regime": draft.regime,
        "issued_at": draft.issued_at,
        "declared_on": declared.isoformat(),
        "entered_on": head.get("ie_date") if head.get("ie_flag") == "I" else None,
        "due_on": due.isoformat(),
        "holidays_known": days.knows(due),
        "payer": head.get("trade_uscc"),
        "lines": [one.as_json() for one in draft.lines],
        "taxes": {tax: str(amount) for tax, amount in by_tax(draft.lines).items()},
        "payable": {tax: str(amount) for tax, amount in owed.items()},
        "total": str(total(one.amount for one in draft.lines)),
        "to_pay": str(total(owed.values())),
        "dutiable_value": str(total(value for value, *_ in assessment.values.values())),
        "assessment": assessment.as_json(),
        "difference": difference.as_json(),
        "asleep": asleep(declared),
        "supersedes": draft.supersedes,
    }


def event_data(content: Mapping[str, Any]) -> dict[str, Any]:
    """`TaxBilled`: pointers and sums; the lines stay in the bill."""
    data = {name: content[name] for name in ("bill_id", "agency", "regime", "total", "due_on")}
    data["payable"] = content["to_pay"]
    if content["supersedes"]:
        data["supersedes"] = content["supersedes"]
    if content["difference"]["lines"]:
        data["difference"] = {name: content["difference"][name] for name in ("total", "complete")}
    return data


def collector(consignment: Consignment, version: int) -> str:
    """The agency that releases is the one that collects."""
    submitted = next(e for e in consignment.of_version(version) if e.type == "DeclarationSubmitted")
    agency: str = next(one["agency"] for one in submitted.data["agencies"] if one["releases"])
    return agency


def _declared_at(consignment: Consignment, version: int) -> str:
    """When customs accepted the version; where it has not said so, when the version was submitted."""
    events = [
        e
        for e in consignment.of_version(version)
        if e.type in ("DeclarationSubmitted", "DeclarationAccepted")
    ]
    return max(events, key=lambda event: event.seq).at
