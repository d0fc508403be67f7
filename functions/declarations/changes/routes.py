"""Changing and withdrawing over HTTP: parse, decide, persist, answer."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from declarations.changes import amending, outcome, permission
from declarations.filing import DOCUMENT, FORMATS, body_of, fitting, idempotency_key, invalid, visible
from singlewindow import canonical
from singlewindow.access import Throttle
from singlewindow.aws import ledger
from singlewindow.capability import Answer, Capability, Request
from singlewindow.consent import AMENDMENT, WITHDRAWAL, Asked, requests
from singlewindow.consignment import Change, Consignment, Submission
from singlewindow.difference import differences
from singlewindow.errors import WindowError, conflict, not_found
from singlewindow.events import Actor
from singlewindow.parties import STAFF, TRADERS

_PACE = Throttle(rate=50, burst=100)
_AMENDMENTS = "/declarations/{window_no}/amendments"
_WITHDRAWAL = "/declarations/{window_no}/withdrawal"

# Not application/xml: the gateway hands that on as bytes to those alone who ask for it by name.
XML = "application/vnd.singlewindow.message+xml"


def register(app: Capability) -> None:
    """The routes of this package, at the declarations' own app."""
    readers, key = TRADERS + STAFF, ("Idempotency-Key",)
    amend_body = "command:declarations.changes.command.Amend"
    app.route(
        f"{_AMENDMENTS}/check", methods=("POST",), allow=readers, consumes=FORMATS, request=amend_body,
        responses={200: "AmendmentCheck"}, throttle=_PACE,
    )(foresee)  # fmt: skip
    app.route(
        _AMENDMENTS, methods=("POST",), allow=TRADERS, consumes=FORMATS, request=amend_body, headers=key,
        responses={202: "ChangeReceipt"}, throttle=_PACE,
    )(amend)  # fmt: skip
    app.route(_AMENDMENTS, allow=readers, responses={200: "ChangeRequests"}, throttle=_PACE)(list_requests)
    one = f"{_AMENDMENTS}/{{number}}"
    app.route(one, allow=readers, responses={200: "ChangeRequest"}, throttle=_PACE)(show_request)
    app.route(
        one, methods=("DELETE",), allow=TRADERS, responses={200: "ChangeRequest"}, throttle=_PACE
    )(cancel_amendment)  # fmt: skip
    app.route(
        f"{one}/message", allow=readers, throttle=_PACE,
        responses={200: {"description": "the request as ModImport (报关单修撤单), in XML"}},
    )(write_message)  # fmt: skip
    app.route(
        _WITHDRAWAL, methods=("POST",), allow=TRADERS, consumes=FORMATS, headers=key,
        request="command:declarations.changes.command.Withdraw", responses={202: "ChangeReceipt"}, throttle=_PACE,
    )(withdraw)  # fmt: skip
    app.route(
        _WITHDRAWAL, methods=("DELETE",), allow=TRADERS, responses={200: "ChangeRequest"}, throttle=_PACE
    )(cancel_withdrawal)  # fmt: skip
    app.route(
        "/declarations/{window_no}/document", allow=readers, responses={200: DOCUMENT}, throttle=_PACE
    )(show_document)  # fmt: skip


def foresee(request: Request, window_no: str) -> dict[str, Any]:
    """What an amendment would bring with it, all at once; stores nothing and asks nobody."""
    consignment = visible(request, window_no)
    wanted = amending.proposal(request, consignment, sending=False)
    ground = permission.to_amend(consignment)
    return {
        "allowed": isinstance(ground, str),
        "basis": ground if isinstance(ground, str) else None,
        "barred": None if isinstance(ground, str) else ground.as_json(),
        **wanted.report.as_json(),
        "changes": [one.as_json() for one in wanted.found],
        "consequences": wanted.consequences.as_json() if wanted.consequences else None,
    }


def amend(request: Request, window_no: str) -> Answer:
    """Ask for a change after acceptance; it takes effect when all have agreed who must."""
    consignment = visible(request, window_no)
    submission = _submission(request, window_no, AMENDMENT)
    if stored := ledger.answered(submission):
        return _replay(stored)
    if isinstance(barred := permission.to_amend(consignment), permission.Barred):
        raise barred.error(consignment)
    wanted = amending.proposal(request, consignment, sending=True)
    if not wanted.report.valid:
        raise invalid(wanted.report)
    body = fitting(body_of(request, wanted.document))
    findings = [finding.as_json() for finding in wanted.report.findings]
    return _asked(window_no, submission, lambda c: amending.requested(request, c, wanted, body), findings)


def withdraw(request: Request, window_no: str) -> Answer:
    """Withdraw: at once while nobody has accepted, by request to customs after; never what is released."""
    consignment = visible(request, window_no)
    submission = _submission(request, window_no, WITHDRAWAL)
    reason = _reason(request, consignment)
    actor = Actor(request.by.role, request.by.party)
    return _asked(window_no, submission, lambda c: outcome.withdrawal(c, reason, actor), [])


def list_requests(request: Request, window_no: str) -> dict[str, Any]:
    """All requests to change or withdraw a declaration, newest first."""
    found = requests(visible(request, window_no))
    return {"items": [one.as_json() for one in reversed(found)]}


def show_request(request: Request, window_no: str, number: str) -> dict[str, Any]:
    """One request: who has agreed, and field by field what it changes."""
    consignment = visible(request, window_no)
    asked = _numbered(consignment, number)
    found = differences(*amending.documents(consignment, asked))
    return asked.as_json() | {"changes": [one.as_json() for one in found]}


def cancel_amendment(request: Request, window_no: str, number: str) -> dict[str, Any]:
    """Take an amendment back, as long as not all have agreed to it; again changes nothing."""
    asked = _numbered(visible(request, window_no), number)
    if asked.kind != AMENDMENT:
        raise not_found(f"{window_no} amendment {number}")
    return _cancelled(request, window_no, asked)


def cancel_withdrawal(request: Request, window_no: str) -> dict[str, Any]:
    """Take back the last request to withdraw, as long as customs has not agreed to it."""
    found = [one for one in requests(visible(request, window_no)) if one.kind == WITHDRAWAL]
    if not found:
        raise not_found(f"a withdrawal of {window_no}")
    return _cancelled(request, window_no, found[-1])


def write_message(request: Request, window_no: str, number: str) -> Answer:
    """The request as customs' own message ModImport, unsigned; 422 names what it has no room for."""
    from declarations.changes import mod_import  # lxml takes 10 ms to import

    consignment = visible(request, window_no)
    asked = _numbered(consignment, number)
    before, after = amending.documents(consignment, asked)
    raw = mod_import.written(consignment, asked, before, after, differences(before, after))
    return Answer(raw.decode(), headers={"Content-Type": XML})


def show_document(request: Request, window_no: str) -> Answer:
    """The document as it stands: the current version with the amendments that were agreed to."""
    consignment = visible(request, window_no)
    body = ledger.document(window_no, consignment.version, consignment.amendment())
    return Answer(body.canonical.decode(), headers={"ETag": f'"{body.sha256}"'})


def _asked(
    window_no: str,
    submission: Submission,
    ask: Callable[[Consignment], Change],
    findings: list[dict[str, Any]],
) -> Answer:
    """Write a request once a key. A repetition gets the first answer, though the first has closed the way for it."""
    answer: dict[str, Any] = {}

    def once(consignment: Consignment) -> Change:
        nonlocal answer
        change = ask(consignment)
        answer = _receipt(consignment, change)
        return replace(change, submission=replace(submission, answer=answer))

    if stored := ledger.answered(submission):
        return _replay(stored)
    try:
        ledger.amend(window_no, once)
    except ledger.Duplicate as duplicate:
        return _replay(duplicate.answer)
    except WindowError:
        if stored := ledger.answered(submission):  # the first of two at once has just come through
            return _replay(stored)
        raise
    return Answer(answer | {"findings": findings}, 202, {"Location": _place(answer)})


def _receipt(consignment: Consignment, change: Change) -> dict[str, Any]:
    number = change.data.get("request")
    return {
        "window_no": consignment.window_no,
        "version": consignment.version,
        "state": change.state or consignment.state,
        "request": number,
        "status": "open" if number else "done",
        "basis": change.data.get("basis"),
        "asks": list(change.data.get("asks", ())),
    }


def _replay(stored: dict[str, Any]) -> Answer:
    return Answer(stored | {"findings": []}, 202, {"Location": _place(stored), "Idempotent-Replay": "true"})


def _place(answer: dict[str, Any]) -> str:
    base = f"/declarations/{answer['window_no']}"
    return f"{base}/amendments/{answer['request']}" if answer["request"] else base


def _submission(request: Request, window_no: str, kind: str) -> Submission:
    """The key's scope is the sender and the kind; what it stands for is this body for this declaration."""
    content = canonical.sha256(window_no.encode() + b"\n" + request.body)
    return Submission(request.by.party, kind, idempotency_key(request, {}), content)


def _reason(request: Request, consignment: Consignment) -> str:
    if request.media_type != "application/json":
        from declarations.changes import mod_import  # lxml takes 10 ms to import

        return mod_import.withdrawn(request.body, consignment, amending.current(consignment))
    from declarations.changes.command import Withdraw
    from singlewindow import commands

    return commands.parse(Withdraw, request.json()).reason


def _cancelled(request: Request, window_no: str, asked: Asked) -> dict[str, Any]:
    actor = Actor(request.by.role, request.by.party)

    def once(consignment: Consignment) -> Change | None:
        change = outcome.cancelled(consignment, asked.number)
        if change is not None:
            return replace(change, actor=actor)
        status = _numbered(consignment, str(asked.number)).status
        if status == "cancelled":
            return None
        raise conflict(
            "not-open", f"request {asked.number} is {status}", "该申请已办结，不能撤回", request_status=status
        )

    consignment = ledger.amend(window_no, once)
    return _numbered(consignment, str(asked.number)).as_json()


def _numbered(consignment: Consignment, number: str) -> Asked:
    found = next((one for one in requests(consignment) if str(one.number) == number), None)
    if found is None:
        raise not_found(f"{consignment.window_no} request {number[:20]}")
    return found
