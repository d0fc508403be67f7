"""Whatever agencies, timeouts and traders may do to a declaration, as a hypothesis strategy."""

from collections.abc import Sequence

from hypothesis import strategies as st

from declarations import lifecycle
from tests.support.bills import bill
from tests.support.clearances import Clearance

OUTCOMES = ["accept", "reject", "return", "hold", "clear"]
OF_CUSTOMS = [*OUTCOMES, "release"]

agencies = st.sets(st.sampled_from(["ciq", "maritime", "mofcom", "port"])).map(
    lambda more: ("customs", *sorted(more))
)


@st.composite
def courses(draw: st.DrawFn) -> tuple[tuple[str, ...], list[tuple]]:
    """Agencies, and whatever may come: replies (of any age, repeated), settlings, timeouts, resubmission."""
    chosen = draw(agencies)
    said = [(agency, one) for agency in chosen for one in (OF_CUSTOMS if agency == "customs" else OUTCOMES)]
    step = st.one_of(
        st.tuples(
            st.just("reply"),
            st.sampled_from(said),
            st.integers(0, 60),  # the agency's own time
            st.integers(0, 6),  # the reply's number: few, so that repetition happens
            st.booleans(),  # to the version before
        ),
        st.tuples(st.sampled_from(["settle", "conclude", "resubmit", "conclude-old"])),
    )
    return chosen, draw(st.lists(step, max_size=25))


@st.composite
def long_courses(draw: st.DrawFn) -> tuple[tuple[str, ...], list[tuple]]:
    """Customs, perhaps with an inspection desk, and the port: all that inspection, taxes and revocation bring."""
    chosen = draw(st.sampled_from([("customs", "port"), ("customs", "ciq", "port")]))
    desk = st.sampled_from([one for one in chosen if one != "port"])
    minute, hold_id, bill_id = (
        st.integers(0, 40),
        st.sampled_from(["H-1", "H-2"]),
        st.sampled_from(["B-1", "B-2"]),
    )
    kind, gate = st.sampled_from(["inspection", "other"]), st.sampled_from(["port", "port", "use"])
    saying = st.one_of(
        st.tuples(desk, st.sampled_from(["accept", "clear", "review", "reject", "return"]), st.just({})),
        st.tuples(st.just("customs"), st.sampled_from(["release", "release", "accept"]), st.just({})),
        st.tuples(st.just("customs"), st.just("revoke"), st.just({"findings": ["误放"]})),
        st.tuples(desk, st.just("clear"), st.builds(lambda one: {"hold_id": one}, hold_id)),
        st.tuples(
            desk,
            st.just("hold"),
            st.builds(
                lambda one, k, g: {"hold": {"hold_id": one, "kind": k, "gate": g}}, hold_id, kind, gate
            ),
        ),
        st.tuples(st.just("customs"), st.just("tax"), st.builds(lambda one: {"tax": bill(one)}, bill_id)),
        st.tuples(
            st.just("port"), st.just("accept"), st.just({"report": {"gate_out_at": "2024-11-23T01:20:00Z"}})
        ),
    )
    step = st.one_of(
        st.tuples(st.just("reply"), saying, minute, st.integers(0, 3), st.just(False)),
        st.tuples(st.just("inspected"), desk, hold_id, minute),
        st.tuples(st.just("bank"), st.sampled_from(["TaxDeducted", "TaxGuaranteed", "TaxReversed"]), bill_id),
        st.tuples(st.sampled_from(["settle", "settle", "conclude", "resubmit"])),
    )
    return chosen, draw(st.lists(step, max_size=25))


def run(chosen: Sequence[str], steps: Sequence[tuple]) -> Clearance:
    """Play a course, holding what must never be to each state that it passes through; `apply` refuses illegal moves."""
    case = Clearance(*chosen)
    for name, *arguments in steps:
        if name == "reply":
            (agency, outcome, *more), minute, number, old = arguments
            version = max(1, case.consignment.version - 1) if old else case.consignment.version
            reply_id = f"{agency}-{outcome}-{minute}-{number}"
            members = more[0] if more else {}
            case.reply(agency, outcome, at=minute, reply_id=reply_id, version=version, **members)
        elif name == "inspected":
            agency, hold_id, minute = arguments
            case.inspected(agency, hold_id, at=minute)
        elif name == "bank":
            case.happens(arguments[0], bill_id=arguments[1])
        elif name == "settle":
            case.settle()
        elif name == "conclude":
            case.conclude()
        elif name == "conclude-old":
            case.conclude(max(1, case.consignment.version - 1))
        elif "submit" in lifecycle.allowed_to_trader(case.state):
            case.submit()
            case.ask(*chosen)
    case.settle()
    return case
