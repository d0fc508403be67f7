"""A declaration whose agencies want to see the goods, played in memory through the real pure modules."""

from collections.abc import Mapping
from typing import Any

from inspections import order, sheet, slots
from inspections.order import Order
from singlewindow.consignment import Change
from singlewindow.events import Actor
from tests.support.clearances import IMPORTER, Clearance, instant, message_id

BOX, OTHER_BOX = "CSQU3054383", "TCLU9012340"
SLOT = "qbj-rail.A2.20241125.1000"
TRADER = Actor("enterprise", IMPORTER)


class Inspected(Clearance):
    """Holds and clears as the exchange records them, and what the inspection's own callers do."""

    def hold(self, agency: str, hold_id: str, *, at: int, kind: str = "inspection", **asks: Any) -> None:
        asks = {"gate": "port", "hold_id": hold_id, "kind": kind, **asks}
        self.said(agency, "hold", at=at, hold=asks)

    def clear(self, agency: str, hold_id: str | None = None, *, at: int) -> None:
        members: dict[str, Any] = {"hold_id": hold_id} if hold_id else {}
        self.said(agency, "clear", at=at, **members)

    def said(self, agency: str, outcome: str, *, at: int, final: bool = False, **members: Any) -> None:
        """A reply's event, made by hand."""
        self._replies += 1
        data: Mapping[str, Any] = {
            "agency": agency,
            "reply_id": f"{agency}-{self._replies}",
            "message_id": message_id(agency),
            "outcome": outcome,
            "final": final,
            "effect": "applied",
            "findings": [],
            "at": instant(at),
            **members,
        }
        self.apply(
            Change("AgencyReplied", data, Actor("agency", agency), of_version=self.consignment.version)
        )

    def join(self) -> "Inspected":
        """The inbox: what follows from the answers and results so far."""
        while change := order.next_change(self.consignment, self.consignment.version):
            self.apply(order.with_brief(self.consignment, change))
            self._at_most()
        return self

    @property
    def orders(self) -> list[Order]:
        return order.orders(self.consignment, self.consignment.version)

    @property
    def order(self) -> Order:
        return self.orders[-1]

    def book(self, slot_id: str = SLOT) -> "Inspected":
        slot = slots.find(slot_id)
        assert slot is not None
        data = {"inspection_id": self.order.id, "slot": slot.as_json(), "booked_by": IMPORTER}
        data |= {"replaces": self.order.slot["slot_id"]} if self.order.slot else {}
        self.apply(order.with_brief(self.consignment, Change("InspectionBooked", data, TRADER, of_version=1)))
        return self

    def start(self, agency: str = "customs") -> "Inspected":
        seals = [{"container_no": BOX, "seal_no": "CN0000001"}]
        self.apply(sheet.started(self.order, Actor("agency", agency), seals, instant(self._minute)))
        return self

    def result(self, agency: str, result: str, **written: Any) -> Change | None:
        found = {"result": result, "checklist": [], **written}
        if result == "defect":
            found.setdefault("follow_up", "supplement")
        change = sheet.result(
            self.consignment, self.order, Actor("agency", agency), found, instant(self._minute)
        )
        self.apply(change)
        self.join()
        return change

    def follow_up(self, agency: str, follow_up: str) -> Change | None:
        change = sheet.followed_up(
            self.consignment, self.order, Actor("agency", agency), follow_up, instant(self._minute)
        )
        self.apply(change)
        return change
