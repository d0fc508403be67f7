"""Declarations over HTTP, and what their events and the clearance workflow call."""

from dataclasses import replace
from datetime import date
from typing import Any

from declarations import arrival, clearance, closing, lifecycle, listing, release_notice, two_step, view
from declarations.changes import outcome, replacement, routes
from declarations.check import Report, check
from declarations.filing import (
    DOCUMENT,
    FORMATS,
    body_of,
    fitting,
    idempotency_key,
    identifiers_of,
    invalid,
    is_draft,
    parties_of,
    visible,
)
from declarations.split import split
from singlewindow import canonical, catalogue, clock, correlation, settings
from singlewindow.access import Throttle
from singlewindow.aws import archive, ledger, timers, workflow
from singlewindow.capability import Answer, Capability, Message, Request
from singlewindow.consignment import Body, Change, Consignment, Submission
from singlewindow.errors import WindowError, conflict, not_found
from singlewindow.events import Actor, Event
from singlewindow.ids import new_window_no
from singlewindow.parties import STAFF, TRADERS, Role
from singlewindow.rules import RuleBook

app = Capability("declarations")


@app.route(
    "/declarations",
    methods=("POST",),
    allow=TRADERS,
    consumes=FORMATS,
    request=DOCUMENT,
    responses={202: "Receipt"},
    headers=("Idempotency-Key", "Replaces"),
    throttle=Throttle(rate=100, burst=200),
)
def submit(request: Request) -> Answer:
    """Submit a declaration once, to every agency that it concerns; `oper_type` G keeps it as a draft.

    `Replaces` names a withdrawn declaration that is filed again: under a new number, and each remembers the other.
    """
    report = _checked(request, clock.business_date())
    document = report.document
    body = body_of(request, document)
    submission = Submission(request.by.party, "declaration", idempotency_key(request, document), body.sha256)
    drafting = is_draft(document)
    if not (report.valid or (drafting and _direction(document))):
        if stored := ledger.answered(submission):
            return _receipt(stored, report, replay=True)
        raise invalid(report)
    parties = parties_of(request, document)
    if replacement.is_wanted(request) and (stored := ledger.answered(submission)):
        return _receipt(stored, report, replay=True)  # its own first time has closed the way for it
    replaced = replacement.named(request, document)
    body = fitting(body)
    while True:
        window_no = new_window_no(document["head"]["ie_flag"])
        change = replacement.of(
            replaced, window_no, _submission_change(request, document, body, drafting, version=1)
        )
        answer = view.brief(window_no, 1, change.state or "")
        try:
            ledger.open_consignment(
                window_no, replace(change, submission=replace(submission, answer=answer)), parties
            )
        except ledger.Taken:
            continue
        except ledger.Duplicate as duplicate:
            return _receipt(duplicate.answer, report, replay=True)
        return _receipt(answer, report)


@app.route(
    "/declarations/check",
    methods=("POST",),
    allow=TRADERS + STAFF,
    consumes=FORMATS,
    query=("as_at",),
    request=DOCUMENT,
    responses={200: "CheckReport"},
    throttle=Throttle(rate=100, burst=200),
)
def dry_run(request: Request) -> dict[str, Any]:
    """Judge a declaration as at a date and store nothing: the same checks as submission, all findings at once."""
    return _checked(request, _as_at(request)).as_json()


@app.route(
    "/declarations",
    allow=TRADERS + STAFF,
    query=("state", "from", "to", "cursor", "limit"),
    responses={200: "Page"},
)
def browse(request: Request) -> dict[str, Any]:
    """The caller's declarations, newest first; staff see all of up to 31 days."""
    return listing.page(request.by, listing.search(request.query))


@app.route("/declarations/{window_no}", allow=TRADERS + STAFF, responses={200: "Declaration"})
def show(request: Request, window_no: str) -> Answer:
    """Where one declaration stands: state, agencies, who holds it since when, what its trader may do."""
    consignment = visible(request, window_no)
    shown = view.detail(consignment, _full_declaration(consignment))
    return Answer(shown, headers={"ETag": view.etag(consignment)})


@app.route(
    "/declarations/{window_no}/release-notice",
    allow=TRADERS + STAFF + (Role.AGENCY,),
    responses={200: "ReleaseNotice"},
    throttle=Throttle(rate=200, burst=400),
)
def show_release_notice(request: Request, window_no: str) -> Answer:
    """The release as customs signed it, the key to verify it offline, its status; for who may see it and must act."""
    consignment = visible(request, window_no, to_agencies=True)
    notice = release_notice.shown(consignment)
    if notice is None:
        raise not_found(f"a release of {window_no}")
    return Answer(notice, headers={"Cache-Control": "private, no-cache"})


@app.route(
    "/declarations/{window_no}",
    methods=("PUT",),
    allow=TRADERS,
    consumes=FORMATS,
    request=DOCUMENT,
    responses={202: "Receipt"},
    headers=("If-Match",),
    throttle=Throttle(rate=100, burst=200),
)
def resubmit(request: Request, window_no: str) -> Answer:
    """A new version: of a draft, of what was returned, or the full one after a summary. `If-Match` carries its ETag."""
    visible(request, window_no)
    expected = request.headers.get("if-match")
    if expected is None:
        raise WindowError(
            428,
            "if-match-missing",
            "send the ETag of the version that you replace",
            detail_zh="缺少 If-Match",
        )
    report = _checked(request, clock.business_date())
    document = report.document
    drafting = is_draft(document)
    if not (report.valid or drafting):
        raise invalid(report)
    if _direction(document) != window_no[0]:
        raise conflict(
            "direction-fixed", f"{window_no} stays what it is: {window_no[0]}", "进出口标志不可更改"
        )
    parties = parties_of(request, document)
    body = fitting(body_of(request, document))

    def revise(consignment: Consignment) -> Change:
        asked = "revise" if drafting else "submit"
        allowed = two_step.allowed(consignment)
        if asked not in allowed and (drafting or two_step.COMPLETE not in allowed):
            raise conflict(
                "illegal-event",
                f"not while {consignment.state}",
                "当前状态不允许此操作",
                state=consignment.state,
                allowed=allowed,
            )
        if expected not in ("*", view.etag(consignment)):
            raise WindowError(
                412,
                "stale",
                f"the version is {view.etag(consignment)} now",
                detail_zh="版本已变化，请重新读取",
            )
        change = _submission_change(request, document, body, drafting, version=consignment.version + 1)
        return replace(change, parties=parties)

    consignment = ledger.amend(window_no, revise)
    return _receipt(view.brief(window_no, consignment.version, consignment.state), report)


@app.on_queue(
    "DeclarationsInbox",
    types=(
        "DeclarationSubmitted",
        "AgencyReplied",
        "InspectionResult",
        "InspectionFollowedUp",
        "TaxBilled",
        "TaxBillRefused",
        "TaxDeducted",
        "TaxGuaranteed",
        "TaxReversed",
        "AmendmentRequested",
        "AmendmentDecided",
        "DeclarationAmended",
        "WithdrawalDecided",
    ),
)
def on_event(message: Message) -> None:
    """Start the clearance of what was submitted; let what agencies, inspectors and banks say of it show."""
    event = ledger.noticed(message.body)
    if event.type == "DeclarationSubmitted":
        replacement.tell(event)
        _start_clearance(event)
        return
    if event.type == "AmendmentRequested":
        _archive_raw(event)
    elif event.type == "DeclarationAmended":
        _match_again(event)
    elif arrival.is_tally(event.data.get("report", {})):
        _match_arrival(event)
    table = _decision_table()
    _wait_for_the_full_one(
        ledger.settle(
            event.window_no,
            lambda c: outcome.next_change(c) or clearance.next_change(c, table),
            seen=event.seq,
        )
    )


@app.on_timer
def on_timer(payload: dict[str, str]) -> None:
    """Tell the parties of a summary that the full declaration is due, or overdue: what holds now, once."""
    consignment = ledger.read(payload["window_no"])
    if consignment and (obligation := _full_declaration(consignment)):
        due_on, days_before = date.fromisoformat(obligation["due_on"]), _days_before()
        ledger.amend(consignment.window_no, lambda c: two_step.told(c, due_on, days_before, clock.now()))


@app.step
def decide(payload: dict[str, Any]) -> dict[str, Any]:
    """The last step of `clearance`: apply the decision table, exactly once however often this runs."""
    window_no, version = payload["window_no"], payload["version"]
    table = _decision_table()
    consignment = ledger.settle(
        window_no,
        lambda c: outcome.next_change(c) or clearance.conclude(c, version, table) or closing.cleared(c),
    )
    _wait_for_the_full_one(consignment)
    return {"window_no": window_no, "version": version, "state": consignment.state}


def _start_clearance(event: Event) -> None:
    """The ledger, not the execution's name, guards against a second start: an agency asked means it began."""
    _archive_raw(event)
    consignment = ledger.of(event)
    if consignment.version != event.declaration_version:
        return
    waiting = {one["agency"] for one in event.data["agencies"] if one["part"] == "decides"}
    if any(e.type == "AgencyAsked" and e.data["agency"] in waiting for e in consignment.of_version()):
        return
    cap = int(settings.get("ANSWER_TIMEOUT_CAP", "0"))
    agencies = [
        {
            "agency": one["agency"],
            "timeout_seconds": min(one["timeout_seconds"], cap or one["timeout_seconds"]),
        }
        for one in event.data["agencies"]
        if one["agency"] in waiting
    ]
    workflow.start(
        "CLEARANCE_WORKFLOW",
        f"{event.window_no}-v{event.declaration_version}",
        {
            "window_no": event.window_no,
            "version": event.declaration_version,
            "correlation_id": correlation.current(),
            "agencies": agencies,
        },
    )


def _full_declaration(consignment: Consignment) -> dict[str, Any] | None:
    """When the full declaration of a summary is due; None for what is none, or does not say when it entered."""
    body = (
        ledger.body(consignment.window_no, consignment.version) if two_step.is_summary(consignment) else None
    )
    entered_on = canonical.load(body.canonical)["head"].get("ie_date") if body else None
    if not entered_on:
        return None
    today, day = clock.business_date(), date.fromisoformat(entered_on)
    return two_step.obligation(day, _two_step(two_step.RULE), today)


def _wait_for_the_full_one(consignment: Consignment) -> None:
    """A timer for each thing to be told of a summary; none for what is no summary, which nearly all are."""
    if obligation := _full_declaration(consignment):
        window_no = consignment.window_no
        said = {event.type for event in consignment.of_version()}
        due_on = date.fromisoformat(obligation["due_on"])
        for type, instant in two_step.turns(due_on, _days_before()).items():
            if type not in said:
                timers.at(instant, f"{window_no}.{consignment.version}.{type}", {"window_no": window_no})


def _days_before() -> int:
    days: int = _two_step(two_step.REMINDER)["days_before"]
    return days


def _two_step(rule: str) -> Any:
    return RuleBook(catalogue.load("rules/two-step.json"), ()).parameters(rule, clock.business_date())


def _archive_raw(event: Event) -> None:
    """Keep what was sent to the byte, under its hash (the event names it); out of the accept path, twice is once."""
    body = ledger.document(event.window_no, event.declaration_version, event.data.get("request", 0))
    if body.archived is None:
        archive.keep(body.raw, body.media_type)


def _match_arrival(event: Event) -> None:
    """Compare the terminal's report with the version that it was told of as it stands, once a report and amendment."""
    window_no, version = event.window_no, event.declaration_version

    def once(consignment: Consignment) -> Change | None:
        amendment = consignment.amendment(version)
        matched: Event | None = None
        for one in consignment.of_version(version):
            if one.type == "DeclarationAmended":
                matched = None
            elif one.type == "CargoReported" and one.data["reply_id"] == event.data["reply_id"]:
                matched = one
        if matched:
            return None
        document = canonical.parse_json(ledger.document(window_no, version, amendment).canonical)
        data = {name: event.data[name] for name in ("agency", "reply_id", "report")}
        data["discrepancies"] = arrival.discrepancies(document, event.data["report"])
        return Change("CargoReported", data, of_version=version)

    ledger.amend(window_no, once, seen=event.seq)


def _match_again(event: Event) -> None:
    """The terminal's last tally of the version, compared with what the amendment has made of it."""
    reported = [
        one
        for one in ledger.of(event).of_version(event.declaration_version)
        if one.type == "AgencyReplied" and arrival.is_tally(one.data.get("report", {}))
    ]
    if reported:
        _match_arrival(reported[-1])


def _checked(request: Request, as_at: date) -> Report:
    if request.media_type == "application/json":
        raw = request.json()
    else:
        from singlewindow.messages import transform  # lxml takes 10 ms to import, and most bodies are JSON

        (raw,) = transform.read(request.body, "DecMessage")
    if not isinstance(raw, dict):
        raise WindowError(
            400, "not-an-object", "a declaration is a JSON object", detail_zh="报文应为 JSON 对象"
        )
    return check(raw, as_at)


def _submission_change(
    request: Request, document: dict[str, Any], body: Body, drafting: bool, version: int
) -> Change:
    actor = Actor(request.by.role, request.by.party)
    facts = {"entry_id": None}
    if drafting:
        return Change("DeclarationDrafted", {}, actor, lifecycle.DRAFT, version, facts=facts, body=body)
    day = clock.business_date()
    head = document["head"]
    data = {
        "ie_flag": head["ie_flag"],
        "sha256": body.sha256,
        "raw_sha256": canonical.sha256(body.raw),
        "media_type": body.media_type,
        "lines": len(document["lines"]),
        "identifiers": identifiers_of(document),
        "agencies": [one.as_json() for one in split(document, catalogue.agencies(day))],
    }
    return Change("DeclarationSubmitted", data, actor, lifecycle.SUBMITTED, version, facts=facts, body=body)


def _as_at(request: Request) -> date:
    given = request.query.get("as_at")
    try:
        return date.fromisoformat(given) if given else clock.business_date()
    except ValueError:
        raise WindowError(
            400, "bad-parameter", "as_at: a date, YYYY-MM-DD", detail_zh="as_at 应为日期"
        ) from None


def _direction(document: dict[str, Any]) -> str | None:
    head = document.get("head")
    flag = head.get("ie_flag") if isinstance(head, dict) else None
    return flag if flag in ("I", "E") else None


def _receipt(answer: dict[str, Any], report: Report, *, replay: bool = False) -> Answer:
    headers = {"Location": f"/declarations/{answer['window_no']}"}
    if replay:
        headers["Idempotent-Replay"] = "true"
    notes = [finding.as_json() for finding in report.findings]
    return Answer({**answer, "findings": notes}, 202, headers)


def _decision_table() -> dict[str, Any]:
    return clearance.table_at(catalogue.load("rules/clearance-decision.json"), clock.business_date())


routes.register(app)
