"""Tax bills and their payment over HTTP, what banks and the treasury sign, and the day's end."""

import base64
import json
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from payments import daybook, fx_class, opening, orders, regime, settlement, store, view
from payments.bill import Standing, standings
from payments.deduction import Result
from payments.refund import estimate
from payments.tax_line import TaxLine
from payments.term import CONSOLIDATED
from singlewindow import canonical, clock, commands, correlation, tariff
from singlewindow.access import PUBLIC, Throttle
from singlewindow.aws import ledger
from singlewindow.capability import Answer, Capability, Message, Request
from singlewindow.consignment import Submission
from singlewindow.errors import WindowError, conflict, not_found
from singlewindow.events import Actor
from singlewindow.ids import is_uscc
from singlewindow.parties import STAFF, TRADERS, Role

app = Capability("payments")

# Who collects and who keeps the state's money: the books of a day are theirs.
_COLLECTORS = ("customs", "treasury")

_THROTTLE = Throttle(rate=50, burst=100)
_PAGE = 20
# A day that the clock missed is made up for within a week.
_LOOKS_BACK = 7


@app.on_queue(
    "PaymentsInbox", types=("AgencyReplied", "TaxSent", "DeclarationWithdrawn"), only={"outcome": ("tax",)}
)
def on_event(message: Message) -> None:
    """Open the bill that customs replied with; take an order to its bank; end what a withdrawn declaration owed."""
    event = ledger.noticed(message.body)
    if event.type == "TaxSent":
        order = store.order(event.data["order_id"])
        if order is None:
            raise LookupError(f"{event.data['order_id']} is in the ledger and not in the table")
        orders.send(order, correlation.current())
    elif event.type == "DeclarationWithdrawn":
        settlement.end(event.window_no)
    elif event.data["outcome"] == "tax" and event.data["effect"] == "applied":
        opening.of_customs(event)


@app.on_queue("BankResultsQueue", concurrency=20)
def on_partner(message: Message) -> None:
    """What a bank or the treasury signed: a result, a receipt, a statement, a guarantee. A forgery is laid aside."""
    from payments.command import KINDS
    from singlewindow import partners  # cryptography takes its time, and nobody else here verifies

    token = _token(message.body)
    signed = partners.verify(token, _claimed(token))
    kind = KINDS.get(str(signed.get("kind")))
    if kind is None:
        raise WindowError(400, "unknown-kind", f"kind: one of {', '.join(KINDS)}")
    said: Any = commands.parse(kind, signed)
    if signed["kind"] == "result":
        at = clock.stamp(said.at)
        result = Result(
            said.order_id, said.iss, said.outcome, Decimal(said.amount), said.bank_ref, at, said.reason
        )
        event = settlement.hear(result)
        app.logger.info("bank", extra={"order_id": said.order_id, "outcome": said.outcome, "came_to": event})
    elif signed["kind"] == "receipt":
        _must_be_treasury(said.iss)
        settlement.receive(
            said.bill_id,
            said.bank_ref,
            Decimal(said.amount),
            said.treasury_ref,
            clock.stamp(said.at),
            said.iss,
        )
    elif signed["kind"] == "statement":
        entries = [one.model_dump() for one in said.entries]
        daybook.statement(said.iss, said.date.isoformat(), said.page, entries)
    else:
        _open_guarantee(said)


@app.on_schedule("cron(30 0 * * ? *)")
def daily() -> None:
    """The day's end: what was not paid in time is overdue, a silent bank gets its order again, breaks are counted,
    payers are reminded. What fails stops no other, and is tried again with all of it.
    """
    today = clock.business_date()
    lately = [today - timedelta(days=back) for back in range(1, _LOOKS_BACK + 1)]
    ahead = range(regime.parameters("TAX-REMINDER", today)["days_before"] + 1)
    soon = [today + timedelta(days=days) for days in ahead]
    failed = _each(settlement.lapse, store.due_on(lately))
    silent = ((order_id,) for day in lately for order_id in daybook.unanswered(day))
    failed += _each(settlement.remind_bank, silent)
    open_ = sum(resolution is None for _, resolution in daybook.reconciled(today - timedelta(days=2)))
    app.logger.info("reconciled", extra={"breaks": open_})
    if open_:
        app.count("PaymentBreaks", open_)
    failed += _each(settlement.remind_payer, store.due_on(soon))
    if failed:
        raise RuntimeError(f"{failed} of the night failed")


def _each(act: Callable[..., None], calls: Iterable[tuple[str, ...]]) -> int:
    """How many of the calls failed; each is logged."""
    failed = 0
    for arguments in calls:
        try:
            act(*arguments)
        except Exception:
            app.logger.exception("of the night", extra={"act": act.__name__, "about": arguments[0]})
            failed += 1
    return failed


@app.route(
    "/payments/bills",
    allow=TRADERS + STAFF,
    query=("party", "cursor"),
    responses={200: "Bills"},
    throttle=_THROTTLE,
)
def browse(request: Request) -> dict[str, Any]:
    """One's tax bills, newest first; staff name the party."""
    party = request.query.get("party", request.by.party)
    if party != request.by.party and request.by.role not in STAFF:
        raise not_found(party)
    page = list(
        store.among(
            f"party#{party}", before=request.query.get("cursor") or "~", newest_first=True, limit=_PAGE + 1
        )
    )
    found: dict[str, dict[str, Standing]] = {}
    items = []
    for _, pointer in page[:_PAGE]:
        window_no, bill_id = pointer["window_no"], pointer["bill_id"]
        if window_no not in found:
            consignment = ledger.read(window_no)
            found[window_no] = standings(consignment) if consignment else {}
        content = store.bill(bill_id)
        if content is not None and bill_id in found[window_no]:
            items.append(view.brief(content, found[window_no][bill_id]))
    return {"items": items, "next": page[_PAGE - 1][0] if len(page) > _PAGE else None}


@app.route(
    "/payments/bills",
    methods=("POST",),
    allow=TRADERS,
    request="command:payments.command.SelfAssess",
    responses={201: "Bill"},
    headers=("Idempotency-Key",),
    max_bytes=128 * 1024,
    throttle=_THROTTLE,
)
def self_assess(request: Request) -> Answer:
    """自报自缴: state one's own taxes; the answer holds them against our calculation."""
    from payments.command import SelfAssess

    wanted = commands.parse(SelfAssess, request.json())
    consignment = ledger.read(wanted.window_no)
    if consignment is None or not request.by.may_see(consignment.snapshot.parties):
        raise not_found(wanted.window_no)
    lines = tuple(TaxLine.read(one.model_dump()) for one in wanted.lines)
    answer = opening.of_trader(wanted.window_no, lines, _actor(request), _submission(request, "tax-bill"))
    content, standing = _bill(request, answer["bill_id"])
    headers = {"Location": f"/payments/bills/{answer['bill_id']}"}
    return Answer(_shown(content, standing), 201, headers)


@app.route("/payments/bills/{bill_id}", allow=TRADERS + STAFF, responses={200: "Bill"}, throttle=_THROTTLE)
def show(request: Request, bill_id: str) -> dict[str, Any]:
    """One bill: state, lines, our calculation and the difference, what lateness costs today and tomorrow."""
    return _shown(*_bill(request, bill_id))


@app.route(
    "/payments/bills/{bill_id}/pay",
    methods=("POST",),
    allow=TRADERS,
    request="command:payments.command.Pay",
    responses={202: "Ordered"},
    headers=("Idempotency-Key",),
    max_bytes=1024,
    throttle=_THROTTLE,
)
def pay(request: Request, bill_id: str) -> Answer:
    """Order a bank to deduct what the bill comes to today; a consolidated bill may be put on a guarantee instead."""
    from payments.command import Pay

    wanted = commands.parse(Pay, request.json())
    content, _ = _bill(request, bill_id)
    if wanted.guarantee_id is not None:
        if content["regime"] != CONSOLIDATED:
            raise conflict(
                "not-consolidated", "only consolidated taxes are put on a guarantee", "仅汇总征税可使用担保"
            )
        opening.secure(content, wanted.guarantee_id, _actor(request))
        return Answer(_shown(*_bill(request, bill_id)), 202)
    return Answer(_ordered(request, content, str(wanted.bank)), 202)


@app.route(
    "/payments/bills/pay",
    methods=("POST",),
    allow=TRADERS,
    request="command:payments.command.PayMany",
    responses={202: "OrderedMany"},
    headers=("Idempotency-Key",),
    max_bytes=8 * 1024,
    throttle=_THROTTLE,
)
def pay_many(request: Request) -> Answer:
    """Order the deduction of several bills: each is an order of its own, and one that is refused stops no other."""
    from payments.command import PayMany

    wanted = commands.parse(PayMany, request.json())
    _must_be_a_bank(wanted.bank)
    items: list[dict[str, Any]] = []
    for bill_id in dict.fromkeys(wanted.bills):
        try:
            items.append({"ordered": True, **_ordered(request, _bill(request, bill_id)[0], wanted.bank)})
        except WindowError as error:
            if error.status >= 500:
                raise
            said = {"code": error.code, "detail": error.detail, "detail_zh": error.detail_zh, **error.members}
            items.append({"ordered": False, "bill_id": bill_id, "problem": said})
    return Answer({"items": items}, 202)


@app.route("/payments/keys", allow=PUBLIC, responses={200: "Keys"}, throttle=Throttle(rate=20, burst=40))
def keys(_request: Request) -> Answer:
    """The key that orders to banks are signed with, as a JWKS."""
    return Answer(orders.public_key(), headers={"Cache-Control": "public, max-age=3600"})


@app.route(
    "/payments/reconciliations/{date}", allow=STAFF, responses={200: "Reconciliation"}, throttle=_THROTTLE
)
def reconciliation(request: Request, date: str) -> dict[str, Any]:
    """The three books of a day, and all in which they do not agree."""
    _within(request, *_COLLECTORS)
    return _reconciled(_day("date", date))


@app.route(
    "/payments/reconciliations/{date}",
    methods=("POST",),
    allow=STAFF,
    request="command:payments.command.Resolve",
    responses={200: "Reconciliation"},
    max_bytes=4 * 1024,
    throttle=_THROTTLE,
)
def resolve(request: Request, date: str) -> dict[str, Any]:
    """Say how a break was settled."""
    from payments.command import Resolve

    _within(request, *_COLLECTORS)
    wanted = commands.parse(Resolve, request.json())
    day = _day("date", date)
    daybook.resolve(day, wanted.break_id, wanted.action, wanted.note, _actor(request))
    return _reconciled(day)


@app.route(
    "/payments/guarantees",
    allow=TRADERS + STAFF,
    query=("party",),
    responses={200: "Guarantees"},
    throttle=_THROTTLE,
)
def guarantees(request: Request) -> dict[str, Any]:
    """One's guarantees: limit, what of it is occupied, and a warning from 80 % on; staff name the party."""
    party = request.query.get("party", request.by.party)
    if party != request.by.party and request.by.role not in STAFF:
        raise not_found(party)
    warn_at = _warn_at()
    return {"items": [one.as_json(warn_at) for one in store.balances(party)]}


@app.route(
    "/payments/guarantees",
    methods=("POST",),
    allow=STAFF,
    request="command:payments.command.OpenGuarantee",
    responses={201: "Guarantee"},
    max_bytes=4 * 1024,
    throttle=_THROTTLE,
)
def open_guarantee(request: Request) -> Answer:
    """Enter a guarantee that came on paper; a guarantor's own comes signed, by the banks' queue."""
    from payments.command import OpenGuarantee

    _within(request, "customs")
    wanted = commands.parse(OpenGuarantee, request.json())
    if not _open_guarantee(wanted):
        raise conflict("guarantee-known", f"{wanted.guarantee_id} is known", "担保编号已存在")
    balance = store.balance(wanted.guarantee_id)
    assert balance is not None
    return Answer(balance.as_json(_warn_at()), 201)


@app.route(
    "/payments/refund-rates",
    allow=TRADERS + STAFF,
    query=("hs_code", "as_at", "amount", "method", "input_left", "class", "window_no"),
    responses={200: "RefundRate"},
    throttle=_THROTTLE,
)
def refund_rate(request: Request) -> dict[str, Any]:
    """The export refund rate of a tariff line on a day, and an estimate with its formula."""
    from payments.command import RefundQuery

    asked = commands.parse(RefundQuery, dict(request.query))
    edition = tariff.edition(asked.as_at) or tariff.sample()
    line = edition.line(asked.hs_code)
    rate = line.rate("refund") if line and line.in_force(asked.as_at) else None
    if line is None or rate is None:
        raise not_found(f"a refund rate of {asked.hs_code} on {asked.as_at}")
    answer: dict[str, Any] = {
        "hs_code": asked.hs_code,
        "name": line.name,
        "as_at": asked.as_at.isoformat(),
        "rate": canonical.plain(rate),
        "source": edition.source,
        "sample": edition.is_sample,
        "opened": None if asked.window_no is None else _is_cleared(request, asked.window_no),
        "estimate": None,
    }
    if asked.amount is not None:
        params = regime.parameters("REFUND-CLASSES", asked.as_at)
        found = estimate(
            asked.method, Decimal(asked.amount), rate, Decimal(asked.input_left), asked.refund_class, params
        )
        answer["estimate"] = found.as_json()
    return answer


@app.route(
    "/payments/late-declaration",
    allow=TRADERS + STAFF,
    query=("entered_on", "value", "as_at"),
    responses={200: "LateDeclaration"},
    throttle=_THROTTLE,
)
def late_declaration(request: Request) -> dict[str, Any]:
    """滞报金: what goods that are not declared yet have come to cost by a day, and will by the next."""
    from payments.command import LateDeclarationQuery

    asked = commands.parse(LateDeclarationQuery, dict(request.query))
    value, tomorrow = Decimal(asked.value), asked.as_at + timedelta(days=1)
    return {
        "as_at": asked.as_at.isoformat(),
        "today": view.late_declaration(value, asked.entered_on, asked.as_at).as_json(),
        "tomorrow": view.late_declaration(value, asked.entered_on, tomorrow).as_json(),
    }


@app.route(
    "/payments/fx-class",
    allow=TRADERS + STAFF,
    query=("party", "as_at"),
    responses={200: "FxClass"},
    throttle=_THROTTLE,
)
def show_fx_class(request: Request) -> dict[str, Any]:
    """A firm's foreign exchange class in force on a day, with what it means: to the firm itself and to staff."""
    party = request.query.get("party", request.by.party)
    day = _day("as_at", request.query.get("as_at") or clock.business_date().isoformat())
    entries = [value for _, value in store.among(f"fx#{party}")] if is_uscc(party) else []
    found = fx_class.in_force(entries, day) if fx_class.may_know(request.by, party) else None
    if found is None:
        raise not_found(f"a class of {party}")
    means = regime.parameters("FX-CLASSES", day)[found["class"]]
    return {
        "party": party,
        "as_at": day.isoformat(),
        **found,
        "means_zh": means["zh"],
        "means_en": means["en"],
    }


@app.route(
    "/payments/fx-class",
    methods=("POST",),
    allow=STAFF,
    request="command:payments.command.ClassifyFx",
    responses={201: "FxClass"},
    max_bytes=4 * 1024,
    throttle=_THROTTLE,
)
def classify(request: Request) -> Answer:
    """Record the class that the exchange authority gave a firm, from a day on."""
    from payments.command import ClassifyFx

    _within(request, "safe")
    wanted = commands.parse(ClassifyFx, request.json())
    begins, recorded = wanted.effective_from.isoformat(), clock.stamp()
    entry = {
        "class": wanted.fx_class,
        "effective_from": begins,
        "basis": wanted.basis,
        "recorded_at": recorded,
        "recorded_by": request.by.party,
    }
    store.put(f"fx#{wanted.party}", f"{begins}#{recorded}", entry)
    means = regime.parameters("FX-CLASSES", wanted.effective_from)[wanted.fx_class]
    said = {"party": wanted.party, "as_at": begins, **entry, "means_zh": means["zh"], "means_en": means["en"]}
    return Answer(said, 201)


def _within(request: Request, *offices: str) -> None:
    """Operators keep the books running; an officer acts for his own office. Raises 403 for another's."""
    if request.by.role == Role.OFFICER and request.by.party not in offices:
        raise WindowError(
            403, "not-your-office", f"officers of {', '.join(offices)} alone", detail_zh="该部门无权办理此事项"
        )


def _bill(request: Request, bill_id: str) -> tuple[dict[str, Any], Standing]:
    """A bill that the caller may see, and where it stands. Raises 404."""
    content = store.bill(bill_id) if len(bill_id) <= 64 else None
    consignment = ledger.read(content["window_no"]) if content else None
    if content is None or consignment is None or not request.by.may_see(consignment.snapshot.parties):
        raise not_found(bill_id)
    return content, standings(consignment)[bill_id]


def _shown(content: dict[str, Any], standing: Standing) -> dict[str, Any]:
    return view.detail(
        content, standing, [value for _, value in store.among(f"bill#{content['bill_id']}", "stray#")]
    )


def _reconciled(day: date) -> dict[str, Any]:
    found = daybook.reconciled(day)
    return {
        "date": day.isoformat(),
        "open": sum(resolution is None for _, resolution in found),
        "breaks": [one.as_json(resolution) for one, resolution in found],
    }


def _ordered(request: Request, content: dict[str, Any], bank: str) -> dict[str, Any]:
    _must_be_a_bank(bank)
    late = view.late_payment(content, clock.business_date())
    submission = _submission(request, f"payment#{content['bill_id']}")
    return settlement.order(content, bank, late, _actor(request), submission)


def _submission(request: Request, type: str) -> Submission:
    return Submission(request.by.party, type, request.idempotency_key, canonical.sha256(request.body))


def _must_be_a_bank(bank: str) -> None:
    known = regime.banks(clock.business_date())
    if bank not in known:
        raise WindowError(
            422,
            "unknown-bank",
            f"bank: one of {', '.join(known)}",
            detail_zh="未接入该银行",
            known=list(known.values()),
        )


def _must_be_treasury(party: str) -> None:
    if party != regime.treasury(clock.business_date()):
        raise WindowError(401, "not-the-treasury", f"{party} gives no receipts")


def _token(body: bytes) -> str:
    said = canonical.parse_json(body)
    token = said.get("token") if isinstance(said, dict) else None
    if not isinstance(token, str):
        raise WindowError(400, "unreadable", "a message of a partner is {token: compact JWS}")
    return token


def _claimed(token: str) -> str:
    """The party that a token says it is from: whose key it must then be signed with."""
    try:
        body = token.split(".")[1]
        claimed = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["iss"]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        claimed = None
    day = clock.business_date()
    if claimed not in (*regime.banks(day), regime.treasury(day)):
        raise WindowError(401, "unknown-partner", "no bank, and not the treasury")
    return str(claimed)


def _open_guarantee(given: Any) -> bool:
    """Enter a guarantee once; whether it is new."""
    simulated = regime.banks(clock.business_date()).get(given.guarantor, {}).get("simulated", False)
    value = {
        "id": given.guarantee_id,
        "party": given.party,
        "guarantor": given.guarantor,
        "limit": given.limit,
        "valid_from": given.valid_from.isoformat(),
        "valid_to": given.valid_to.isoformat(),
        "simulated": simulated,
        "agents": given.agents,
    }
    new = store.put(f"guarantee#{given.guarantee_id}", "guarantee", value)
    kept = value if new else store.get(f"guarantee#{given.guarantee_id}", "guarantee")
    if kept == value:
        store.put(f"guaranteed#{given.party}", given.guarantee_id, {})
    return new


def _is_cleared(request: Request, window_no: str) -> bool:
    """Whether the export is 结关, which opens its refund. Raises 404."""
    standing = ledger.snapshots([window_no]).get(window_no)
    if standing is None or not request.by.may_see(standing.parties) or window_no[0] != "E":
        raise not_found(window_no)
    return standing.state == "CLEARED"


def _warn_at() -> Decimal:
    return Decimal(regime.parameters("GUARANTEE-LEDGER", clock.business_date())["warn_at"])


def _actor(request: Request) -> Actor:
    return Actor(request.by.role, request.by.party)


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WindowError(
            400, "bad-parameter", f"{name}: a date, YYYY-MM-DD", detail_zh=f"{name} 应为日期"
        ) from None
