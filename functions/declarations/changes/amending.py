"""An amendment as it was sent, judged against the declaration that it is to change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from declarations.changes import permission
from declarations.changes.consequence import Consequences, consequences
from declarations.changes.outcome import next_number
from declarations.check import Report, check
from declarations.filing import identifiers_of, is_draft, parties_of
from declarations.split import split
from singlewindow import canonical, catalogue, clock, tariff
from singlewindow.aws import ledger
from singlewindow.capability import Request
from singlewindow.consent import AMENDMENT, Asked
from singlewindow.consignment import Body, Change, Consignment
from singlewindow.difference import Difference, differences, patched
from singlewindow.errors import WindowError, conflict
from singlewindow.events import Actor

# An event is read by every later decision: the places of what changed, not its values, and not all of thousands.
_MOST_POINTERS = 200


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a trader wants the declaration to be. `amends`: the number of the amendment that it starts from."""

    reason: str
    amends: int
    before: Mapping[str, Any]
    report: Report
    found: tuple[Difference, ...]
    consequences: Consequences | None
    agencies: tuple[dict[str, Any], ...]

    @property
    def document(self) -> dict[str, Any]:
        return self.report.document


def proposal(request: Request, consignment: Consignment, *, sending: bool) -> Proposal:
    """The body of a request (the document, JSON Patch, or ModImport in XML) against the document as it stands.

    Judged by the rules of the day on which the version was submitted: that is the day whose rates and rules it keeps.
    """
    amends = consignment.amendment()
    before = current(consignment)
    reason, wanted = _wanted(request, consignment, before, sending)
    day = submitted_on(consignment)
    report = check(wanted, day)
    if not report.valid:  # what is wrong with it comes first: nothing else can be told of an unsound document
        return Proposal(reason, amends, before, report, (), None, ())
    document = report.document
    found = tuple(differences(before, document))
    agencies = tuple(one.as_json() for one in split(document, catalogue.agencies(day)))
    told = consequences(
        found,
        before,
        document,
        was=consignment.assignments(),
        now=agencies,
        projection=lambda agency: catalogue.capacity(agency, day).get("projection", ()),
        report=_last_report(consignment),
        tariff=tariff.edition(day),
        as_at=day,
    )
    return Proposal(reason, amends, before, report, found, told, agencies)


def requested(request: Request, consignment: Consignment, wanted: Proposal, body: Body) -> Change:
    """The event that asks for it; 409 or 422 where it cannot be asked for now."""
    ground = permission.to_amend(consignment)
    if not isinstance(ground, str):
        raise ground.error(consignment)
    if consignment.amendment() != wanted.amends:
        raise conflict("stale", "the document was amended meanwhile; read it again", "单证已变更，请重新读取")
    if is_draft(wanted.document):
        raise WindowError(
            422, "draft", "oper_type G stores: an amendment is sent", detail_zh="暂存不能作为修改申请"
        )
    if wanted.document["head"]["ie_flag"] != consignment.window_no[0]:
        raise conflict("direction-fixed", "import or export stays what it is", "进出口标志不可更改")
    if not wanted.found or wanted.consequences is None:
        raise WindowError(422, "no-change", "nothing is different", detail_zh="没有任何变更")
    told, number = wanted.consequences, next_number(consignment)
    data = {
        "request": number,
        "amends": wanted.amends,
        "reason": wanted.reason,
        "basis": ground,
        "asks": list(told.agree),
        "tells": list(told.tells),
        "added": [one["agency"] for one in told.added],
        "pointers": [one.pointer for one in wanted.found[:_MOST_POINTERS]],
        "changed": len(wanted.found),
        "sha256": body.sha256,
        "raw_sha256": canonical.sha256(body.raw),
        "media_type": body.media_type,
        "identifiers": identifiers_of(wanted.document),
        "agencies": list(wanted.agencies),
        "parties": sorted(parties_of(request, wanted.document)),
    }
    change = Change(
        "AmendmentRequested",
        data,
        Actor(request.by.role, request.by.party),
        body=body,
        amendment=number,
    )
    if consignment.state == "RELEASED" and _brings_in_a_decider(wanted):
        raise conflict(
            "agency-after-release",
            "it would bring in an agency to decide on goods that are released",
            "货物已放行，不能再增加审批部门",
            added=data["added"],
        )
    return change


def _brings_in_a_decider(wanted: Proposal) -> bool:
    told = wanted.consequences
    return told is not None and any(one["part"] == "decides" for one in told.added)


def current(consignment: Consignment) -> dict[str, Any]:
    """The document of the current version as it stands, amendments included."""
    body = ledger.document(consignment.window_no, consignment.version, consignment.amendment())
    document: dict[str, Any] = canonical.load(body.canonical)
    return document


def documents(consignment: Consignment, asked: Asked) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document that a request starts from, and the one that it asks for: of a withdrawal the same."""
    if asked.kind != AMENDMENT:
        return current(consignment), current(consignment)
    before, after = (
        canonical.load(ledger.document(consignment.window_no, asked.version, one).canonical)
        for one in (asked.event.data["amends"], asked.number)
    )
    return before, after


def submitted_on(consignment: Consignment) -> date:
    """The business day on which the current version was submitted; today for a draft."""
    for event in consignment.of_version():
        if event.type == "DeclarationSubmitted":
            return clock.business_date(datetime.fromisoformat(event.at))
    return clock.business_date()


def _wanted(
    request: Request, consignment: Consignment, before: Mapping[str, Any], sending: bool
) -> tuple[str, dict[str, Any]]:
    if request.media_type != "application/json":
        from declarations.changes import mod_import  # lxml takes 10 ms to import

        return mod_import.amended(request.body, consignment, before, sending=sending)
    from declarations.changes.command import Amend
    from singlewindow import commands

    told = commands.parse(Amend, request.json())
    if told.document is not None:
        return told.reason, told.document
    operations = [one.model_dump(exclude_unset=True) for one in told.changes or ()]
    return told.reason, patched(before, operations)


def _last_report(consignment: Consignment) -> Mapping[str, Any] | None:
    reports = [e.data["report"] for e in consignment.of_version() if e.type == "CargoReported"]
    return reports[-1] if reports else None
