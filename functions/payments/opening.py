"""A bill is opened, once: in the ledger and the table together; a consolidated one goes on a guarantee at once."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from payments import billing, guarantee, settlement, store
from payments.bill import UNPAID, VOID, Standing, must_allow, self_assessed, standings
from payments.billing import Draft
from payments.term import CONSOLIDATED, SELF_ASSESSED
from singlewindow import canonical, clock
from singlewindow.aws import ledger
from singlewindow.consignment import Change, Consignment, Row, Submission
from singlewindow.errors import WindowError, conflict, not_found
from singlewindow.events import WINDOW, Actor, Event

# With the trader, or done with: nothing to assess.
_NOT_ASSESSED = ("DRAFT", "RETURNED", "REJECTED", "WITHDRAWN", "RELEASED", "CLEARED")


def of_customs(reply: Event) -> None:
    """The bill that customs replied with; a repetition opens nothing.

    It takes the place of the one that it names, or of the trader's own; others stand beside it. A number that is
    another bill's already opens none either: `TaxBillRefused` says so, and customs is told.
    """
    window_no, version, draft = reply.window_no, reply.declaration_version, Draft.of_reply(reply)

    def decide(consignment: Consignment) -> Change | None:
        known = store.bill(str(draft.bill_id))
        if known is not None:
            return refusal(reply, draft, known, consignment)
        found = standings(consignment)
        own = self_assessed(found.values(), version)
        supersedes = draft.supersedes or (own.bill_id if own else None)
        content = billing.opened(
            replace(draft, supersedes=supersedes), consignment, version, declared(consignment, version)
        )
        return _change(content, consignment, found.get(supersedes or ""), WINDOW)

    consignment = ledger.amend(window_no, decide)
    if str(draft.bill_id) in standings(consignment):
        _follow_up(consignment, str(draft.bill_id))


def of_trader(window_no: str, lines: tuple[Any, ...], actor: Actor, submission: Submission) -> dict[str, Any]:
    """自报自缴: the trader's own bill of the current version; without lines, our calculation is it. The stored answer.

    Raises 409 where there is nothing to assess or a bill is being paid, 422 where we cannot compute it.
    """
    if (stored := ledger.answered(submission)) is not None:
        return stored
    answer: dict[str, Any] = {}

    def decide(consignment: Consignment) -> Change:
        version, found = consignment.version, standings(consignment)
        if consignment.state in _NOT_ASSESSED:
            raise conflict(
                "not-assessed",
                f"not while {consignment.state}",
                "当前状态不可自报税款",
                state=consignment.state,
            )
        standing = [one for one in found.values() if one.version == version and one.state != VOID]
        own = self_assessed(standing, version)
        if barring := [one for one in standing if one is not own or one.state not in UNPAID]:
            raise conflict(
                "bill-open",
                f"{barring[0].bill_id} stands already",
                "该报关单已有税单",
                bill_id=barring[0].bill_id,
            )
        document = declared(consignment, version)
        stated = lines or _computed(document)
        number = sum(id.startswith("SA-") for id in found) + 1
        draft = Draft(
            billing.collector(consignment, version),
            SELF_ASSESSED,
            clock.stamp(),
            stated,
            f"SA-{window_no}-{number}",
            own.bill_id if own else None,
        )
        content = billing.opened(draft, consignment, version, document)
        answer.clear()
        answer.update({"bill_id": content["bill_id"], "window_no": window_no, "to_pay": content["to_pay"]})
        change = _change(content, consignment, own, actor)
        return replace(change, submission=replace(submission, answer=answer))

    try:
        ledger.amend(window_no, decide)
    except ledger.Duplicate as duplicate:
        return duplicate.answer
    return answer


def secure(content: dict[str, Any], guarantee_id: str | None = None, actor: Actor = WINDOW) -> bool:
    """Put a bill on a guarantee: on the one that is named, else the fitting one of its payer; False where none fits.

    Raises 403 where the one that is named is not `actor`'s to use.
    """
    bill_id, amount = content["bill_id"], Decimal(content["to_pay"])
    secured = False

    def decide(consignment: Consignment) -> Change | None:
        nonlocal secured
        secured = False
        standing = standings(consignment)[bill_id]
        if standing.guarantee is not None:
            secured = True
            return None
        if guarantee_id is None and "TaxGuaranteed" not in standing.allowed:
            return None
        must_allow(standing, "TaxGuaranteed")
        day = clock.business_date()
        if guarantee_id is None:
            balance = guarantee.fitting(store.balances(content["payer"]), amount, day)
            if balance is None:
                return None
        else:
            balance = store.balance(guarantee_id)
            if balance is None or balance.guarantee.party != content["payer"]:
                raise not_found(guarantee_id)
            if not balance.guarantee.may_use(actor.party):
                raise WindowError(
                    403,
                    "not-your-guarantee",
                    f"{guarantee_id} is used by its party and the agents that it names",
                    detail_zh="仅担保人本人或其授权的代理人可使用该担保",
                )
        entry = guarantee.occupied(balance, bill_id, amount, clock.stamp(), day, actor.party)
        secured = True
        data = {"bill_id": bill_id, "guarantee_id": balance.guarantee.id, "amount": str(amount)}
        rows = (store.entry(balance.guarantee.id, entry),)
        return Change("TaxGuaranteed", data, actor, of_version=standing.version, rows=rows)

    ledger.amend(content["window_no"], decide)
    return secured


def declared(consignment: Consignment, version: int) -> dict[str, Any]:
    """The document of a version, as its last amendment has it."""
    body = ledger.document(consignment.window_no, version, consignment.amendment(version))
    document: dict[str, Any] = canonical.parse_json(body.canonical)
    return document


def refusal(
    reply: Event, draft: Draft, known: Mapping[str, Any], consignment: Consignment
) -> Change | None:
    """`TaxBillRefused`, once a reply; None where the reply says of its bill what is known of it."""
    reply_id = reply.data["reply_id"]
    if any(e.type == "TaxBillRefused" and e.data["reply_id"] == reply_id for e in consignment.events):
        return None
    if (known["window_no"], known["version"]) != (consignment.window_no, reply.declaration_version):
        reason = "number-taken"
    elif not draft.says(known):
        reason = "content-differs"
    else:
        return None
    data = {"bill_id": draft.bill_id, "agency": draft.agency, "reply_id": reply_id, "reason": reason}
    return Change("TaxBillRefused", data, WINDOW, of_version=reply.declaration_version)


def _computed(document: dict[str, Any]) -> tuple[Any, ...]:
    assessment = billing.ours(document, clock.business_date())
    if assessment.gaps or not assessment.parts:
        raise WindowError(
            422,
            "cannot-assess",
            "the taxes cannot be computed here: state the lines yourself",
            detail_zh="暂无法自动计算税款，请自行填报税款明细",
            not_computed=assessment.as_json()["not_computed"],
        )
    return assessment.lines


def _change(
    content: dict[str, Any], consignment: Consignment, superseded: Standing | None, actor: Actor
) -> Change:
    bill_id = content["bill_id"]
    pointer = {"bill_id": bill_id, "window_no": content["window_no"]}
    rows: list[Row] = [
        store.row(f"bill#{bill_id}", "bill", content),
        store.row(f"due#{content['due_on']}", bill_id, pointer),
    ]
    parties = sorted(consignment.snapshot.parties)
    rows += [store.row(f"party#{party}", f"{content['issued_at']}#{bill_id}", pointer) for party in parties]
    if superseded is not None:
        rows += settlement.releasing(superseded)
    data = billing.event_data(content)
    return Change("TaxBilled", data, actor, of_version=content["version"], rows=tuple(rows))


def _follow_up(consignment: Consignment, bill_id: str) -> None:
    """What a new bill brings with it; done again at each repetition, with the same result."""
    content = store.bill(bill_id)
    if content is None:
        raise LookupError(f"{bill_id} is in the ledger and not in the table")
    if content["regime"] == CONSOLIDATED:
        secure(content)
    before = standings(consignment).get(content["supersedes"] or "")
    if before is not None:
        settlement.give_back_for_void(before)
