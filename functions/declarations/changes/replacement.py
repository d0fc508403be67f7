"""A withdrawn declaration filed again: a new window number and customs number, and each remembers the other."""

from dataclasses import replace
from typing import Any

from declarations.filing import is_draft, visible
from singlewindow.aws import ledger
from singlewindow.capability import Request
from singlewindow.consignment import Change, Consignment, Row
from singlewindow.errors import WindowError, conflict
from singlewindow.events import Event


def is_wanted(request: Request) -> bool:
    return "replaces" in request.headers


def named(request: Request, document: dict[str, Any]) -> str | None:
    """The declaration that a filing replaces, by its header `Replaces`; 404, 409 or 422 where it cannot."""
    window_no = request.headers.get("replaces")
    if window_no is None:
        return None
    if is_draft(document):
        raise WindowError(
            422, "draft-replaces-nothing", "a draft replaces nothing: submit it", detail_zh="草稿不能替代已撤销的报关单"
        )  # fmt: skip
    old = visible(request, window_no)
    if window_no[0] != document["head"]["ie_flag"]:
        raise WindowError(
            422, "direction-fixed", f"{window_no} goes the other way", detail_zh="进出口标志与原报关单不同"
        )
    if old.state != "WITHDRAWN":
        raise conflict(
            "not-withdrawn",
            f"{window_no} is {old.state}: only a withdrawn declaration is filed again",
            "原报关单未撤销，不能重新申报",
            state=old.state,
        )
    if by := old.snapshot.facts.get("replaced_by"):
        raise _taken(window_no, by)
    return window_no


def of(replaced: str | None, window_no: str, change: Change) -> Change:
    """The opening of `window_no` in place of `replaced`: one row in its transaction lets no second filing through."""
    if replaced is None:
        return change
    row = {"consignment": {"S": f"replaced#{replaced}"}, "item": {"S": "by"}, "window_no": {"S": window_no}}
    data = {**change.data, "replaces": replaced} if change.type == "DeclarationSubmitted" else change.data
    return replace(
        change,
        data=data,
        facts={**change.facts, "replaces": replaced},
        rows=(*change.rows, Row("LEDGER_TABLE", "consignment", row)),
    )


def tell(event: Event) -> None:
    """Let the withdrawn declaration know what took its place, once."""
    old = event.data.get("replaces")
    if old is None:
        return

    def once(consignment: Consignment) -> Change | None:
        if consignment.snapshot.facts.get("replaced_by"):
            return None
        return Change("DeclarationReplaced", {"by": event.window_no}, facts={"replaced_by": event.window_no})

    ledger.amend(old, once)


def _taken(window_no: str, by: str) -> WindowError:
    return conflict("replaced", f"{window_no} was filed again as {by}", "原报关单已重新申报", replaced_by=by)
