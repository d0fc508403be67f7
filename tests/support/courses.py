"""Whatever agencies, timeouts and traders may do to a declaration, as a hypothesis strategy."""

from collections.abc import Sequence

from hypothesis import strategies as st

from declarations import lifecycle
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


def run(chosen: Sequence[str], steps: Sequence[tuple]) -> Clearance:
    """Play a course, holding what must never be to each state that it passes through; `apply` refuses illegal moves."""
    case = Clearance(*chosen)
    for name, *arguments in steps:
        if name == "reply":
            (agency, outcome), minute, number, old = arguments
            version = max(1, case.consignment.version - 1) if old else case.consignment.version
            case.reply(
                agency, outcome, at=minute, reply_id=f"{agency}-{outcome}-{minute}-{number}", version=version
            )
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
