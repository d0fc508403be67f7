"""The three books of a day, read from where they are kept, and what does not agree between them."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from payments import regime, settlement, store
from payments.bill import SENT, must_allow, standings
from payments.reconciliation import Booked, Books, Break, breaks
from singlewindow import clock
from singlewindow.aws import ledger
from singlewindow.consignment import Change, Consignment
from singlewindow.errors import conflict, not_found
from singlewindow.events import Actor

GIVE_UP = "order-given-up"


def reconciled(day: date) -> list[tuple[Break, dict[str, Any] | None]]:
    """The breaks of a day, each with its resolution where it has one."""
    resolutions = {
        item.removeprefix("resolution#"): value for item, value in store.among(_key(day), "resolution#")
    }
    return [(one, resolutions.get(one.id)) for one in breaks(_books(day))]


def resolve(day: date, break_id: str, action: str, note: str, actor: Actor) -> None:
    """Say how a break was settled, once. An order given up lets its bill be paid anew; the bank may still speak.

    Raises 404 for a break that the day does not have, 409 for one that is resolved.
    """
    found = next((one for one, _ in reconciled(day) if one.id == break_id), None)
    if found is None:
        raise not_found(break_id)
    if action == GIVE_UP:
        if found.kind != "bank-silent":
            raise conflict(
                "not-given-up",
                "only an order that the bank is silent about is given up",
                "仅可放弃银行未答复的指令",
            )
        _give_up(found)
    said = {"action": action, "note": note, "by": actor.party, "at": clock.stamp()}
    if not store.put(_key(day), f"resolution#{break_id}", said):
        raise conflict("resolved", f"{break_id} is resolved", "该差异已处理")


def statement(party: str, day: str, page: int, entries: list[dict[str, Any]]) -> bool:
    """Keep a page of a party's statement; False where that page is there already: the first one counts."""
    return store.put(f"statement#{day}", f"{party}#{page:04d}", {"entries": entries})


def _give_up(found: Break) -> None:
    content = store.bill(found.bill_id)
    if content is None:
        raise not_found(found.bill_id)

    def decide(consignment: Consignment) -> Change | None:
        standing = standings(consignment)[found.bill_id]
        if standing.order != found.ref or standing.state != SENT:
            return None
        must_allow(standing, "TaxDeductionFailed")
        data = {"bill_id": found.bill_id, "reason": "given up: the bank did not answer"}
        return Change("TaxDeductionFailed", data, of_version=standing.version)

    ledger.amend(content["window_no"], decide)
    settlement.lapse(found.bill_id, content["window_no"])


def unanswered(day: date) -> list[str]:
    """The orders of a day that no bank has answered."""
    return [one.ref for one in _unanswered(list(store.among(_key(day), "ours#")))]


def _unanswered(ours: list[tuple[str, dict[str, Any]]]) -> list[Booked]:
    deducted = {value["order_id"] for item, value in ours if item.startswith("ours#deducted#")}
    sent = (_booked(value, value["bank"]) for item, value in ours if item.startswith("ours#sent#"))
    waiting = (one for one in sent if one.ref not in deducted)
    return [one for one in waiting if next(store.among(f"order#{one.ref}", "answer#", limit=1), None) is None]


def _books(day: date) -> Books:
    params, today = regime.parameters("TAX-BANKS", day), clock.business_date()
    rows = list(store.among(_key(day), "ours#"))
    ours: dict[str, list[Booked]] = {"sent": [], "deducted": [], "reversed": []}
    for item, value in rows:
        ours[item.split("#")[1]].append(_booked(value, value["bank"]))
    is_late = today > day + timedelta(days=params["answers_within_days"])
    strays = [(value["why"], _booked(value, value["bank"])) for _, value in store.among(_key(day), "stray#")]
    unlike = [_booked(value, value["treasury"]) for _, value in store.among(_key(day), "unlike#")]
    statements = _statements(day)
    treasury = regime.treasury(day)
    return Books(
        deducted=tuple(ours["deducted"]),
        reversed=tuple(ours["reversed"]),
        unanswered=tuple(_unanswered(rows) if is_late else ()),
        strays=tuple(strays),
        receipts_unlike=tuple(unlike),
        banks={bank: statements.get(bank) for bank in regime.banks(day)},
        treasury=statements.get(treasury),
        treasury_is_due=today > day + timedelta(days=params["treasury_within_days"]),
    )


def _statements(day: date) -> dict[str, tuple[Booked, ...]]:
    """Party → its statement; a party that has sent none is not in it."""
    found: dict[str, tuple[Booked, ...]] = {}
    for item, value in store.among(f"statement#{day.isoformat()}"):
        party = item.split("#")[0]
        found[party] = (*found.get(party, ()), *_entries(value, party))
    return found


def _entries(value: dict[str, Any], party: str) -> Iterator[Booked]:
    for one in value["entries"]:
        yield Booked(one["bill_id"], one["bank_ref"], Decimal(one["amount"]), party)


def _booked(value: dict[str, Any], bank: str) -> Booked:
    return Booked(value["bill_id"], value["ref"], Decimal(value["amount"]), bank)


def _key(day: date) -> str:
    return f"day#{day.isoformat()}"
