"""The one result sheet: what each agency may write on it, once, and what that leads to.

Pure functions over an order. What an agency wrote stands in a row of its own, whose hash the event carries: the ledger
proves the sheet without telling it to everybody.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from inspections import lifecycle
from inspections.lifecycle import AGENCY, STARTED
from inspections.order import NOT_CLEARING, Order, asked
from singlewindow import canonical
from singlewindow.consignment import Change, Consignment
from singlewindow.errors import WindowError, conflict
from singlewindow.events import Actor
from singlewindow.findings import Finding


def may_write(order: Order, agency: str, act: str) -> None:
    """Raises 409 where the lifecycle has no such act in this state, or the agency no hold in this inspection."""
    if act not in lifecycle.allowed(order.state, AGENCY):
        raise lifecycle.refused(order.state, act)
    if not order.of(agency):
        raise conflict(
            "no-hold-of-yours",
            f"{agency} has no hold in {order.id}: nothing to write",
            "该部门在本次查验中没有未决的查验要求",
            agencies=order.agencies,
        )


def started(order: Order, by: Actor, seals: Iterable[Mapping[str, str]], at: str) -> Change | None:
    """The doors are opened; `seals` as they were. None where they are open, whoever opened them."""
    if order.state == STARTED and order.of(by.party):
        return None
    may_write(order, by.party, "start")
    data = {"inspection_id": order.id, "at": at, "seals_before": list(seals)}
    return Change("InspectionStarted", data, by, of_version=order.version)


def hash_of(agency: str, written: Mapping[str, Any]) -> str:
    """What proves a sheet: the SHA-256 of its canonical JSON with the agency's name."""
    return canonical.sha256(canonical.dumps({"agency": agency, **written}))


def given(order: Order, agency: str, sha256: str) -> bool:
    """Whether the agency wrote this very sheet before."""
    return any((one.agency, one.sha256) == (agency, sha256) for one in order.results)


def result(
    consignment: Consignment, order: Order, by: Actor, written: Mapping[str, Any], at: str
) -> Change | None:
    """What an agency found about its holds, or those that it names; None where it wrote this very sheet before.

    Raises 409 for a second, different last word, 422 for a hold that it has not. A sample may be followed by what the
    laboratory found. A sheet that is repeated is never about a hold that joined since: that one wants a sheet that
    names it.
    """
    agency, sha256 = by.party, hash_of(by.party, written)
    if given(order, agency, sha256):
        return None
    may_write(order, agency, "result")
    open_holds = order.unanswered(agency)
    about = list(dict.fromkeys(written.get("hold_ids") or open_holds))
    if unknown := set(about) - set(order.of(agency)):
        raise WindowError(
            422,
            "no-such-hold",
            f"no hold of {agency} in {order.id}: {', '.join(sorted(unknown))}",
            detail_zh="本次查验中没有该部门的这些查验要求",
            holds=order.of(agency),
        )
    if not about or not set(about) <= set(open_holds):
        raise conflict(
            "result-given",
            f"{agency} has given its result: {order.outcomes[agency]}; follow up on it, or clear the hold",
            "该部门已登记查验结果，不可更改；请登记后续处置或解除查验要求",
            result=order.outcomes[agency],
        )
    data: dict[str, Any] = {
        "inspection_id": order.id,
        "agency": agency,
        "result": written["result"],
        "hold_ids": about,
        "at": _not_before(consignment, order, agency, at),
        "sheet_sha256": sha256,
        "seals_after": [dict(one) for one in written.get("seals_after", ())],
    }
    if follow_up := written.get("follow_up"):
        data["follow_up"] = follow_up
    return Change("InspectionResult", data, by, of_version=order.version)


def followed_up(consignment: Consignment, order: Order, by: Actor, follow_up: str, at: str) -> Change | None:
    """What was done about an agency's defects; None where it said so before.

    Clears their holds, unless the goods go back or stay detained.
    """
    agency = by.party
    said = [one for one in order.follow_ups if one["agency"] == agency and one["follow_up"] == follow_up]
    faulty = order.faulty(agency)
    if said and (follow_up in NOT_CLEARING or not faulty):
        return None
    may_write(order, agency, "follow-up")
    if not faulty:
        raise conflict(
            "nothing-to-follow-up",
            f"no defect of {agency} is open in {order.id}",
            "没有该部门待处置的查验问题",
            results=order.outcomes,
        )
    data = {
        "inspection_id": order.id,
        "agency": agency,
        "follow_up": follow_up,
        "hold_ids": faulty,
        "at": _not_before(consignment, order, agency, at),
    }
    return Change("InspectionFollowedUp", data, by, of_version=order.version)


def missing_evidence(written: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raises 422 with each file that a result names and that has not arrived in the archive."""
    wanted = [(f"/evidence/{at}", id) for at, id in enumerate(written.get("evidence", ()))]
    wanted += [
        (f"/samples/{at}/evidence", one["evidence"])
        for at, one in enumerate(written.get("samples", ()))
        if one.get("evidence")
    ]
    there = set(known)
    findings = [
        Finding(
            code="EVIDENCE",
            severity="error",
            pointer=pointer,
            rule="INSPECTION-EVIDENCE",
            given=id,
            message_zh="该照片或文件尚未上传归档：先上传并确认，再登记结果",
            message_en="no such file of yours has arrived: upload it and confirm it, then give the result",
        )
        for pointer, id in wanted
        if id not in there
    ]
    if findings:
        raise WindowError(
            422,
            "evidence-missing",
            f"{len(findings)} file(s) have not arrived",
            detail_zh="引用的文件尚未归档",
            findings=findings,
        )


def other_containers(
    consignment: Consignment, order: Order, name: str, seals: Iterable[Mapping[str, str]]
) -> None:
    """Raises 422 with each seal, in the list of that name, of a container that is not among those inspected."""
    there = set(order.containers or _declared(consignment, order.version))
    findings = [
        Finding(
            code="CONTAINER",
            severity="error",
            pointer=f"/{name}/{at}/container_no",
            rule="INSPECTION-CONTAINER",
            given=seal["container_no"],
            expected=sorted(there),
            message_zh="该箱不在本次查验范围内",
            message_en="this container is not part of the inspection",
        )
        for at, seal in enumerate(seals)
        if there and seal["container_no"] not in there
    ]
    if findings:
        raise WindowError(
            422,
            "other-container",
            f"{len(findings)} seal(s) of other containers",
            detail_zh="封志所属集装箱不在查验范围内",
            findings=findings,
        )


def _not_before(consignment: Consignment, order: Order, agency: str, at: str) -> str:
    """An agency's clock may run ahead of ours: what is said of its holds is not before them."""
    own = [hold.at for (whose, _), hold in asked(consignment, order.version).items() if whose == agency]
    return max(at, *own, "")


def _declared(consignment: Consignment, version: int) -> list[str]:
    """The containers of a version, as its declaration names them."""
    for event in consignment.of_version(version):
        if event.type == "DeclarationSubmitted":
            return list(event.data["identifiers"].get("containers", ()))
    return []
