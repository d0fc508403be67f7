"""Whatever agencies, timeouts and traders may do to a declaration, as a hypothesis strategy."""

from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from declarations import lifecycle
from singlewindow.events import Event
from tests.support.bills import bill
from tests.support.clearances import Clearance, instant

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
    """Customs, perhaps with an inspection desk, and the port: all that inspection, taxes and revocation bring.

    Anything may happen, then most of what a release needs, in any order and not always all of it, then anything again.
    """
    chosen = draw(st.sampled_from([("customs", "port"), ("customs", "ciq", "port")]))
    desks = [one for one in chosen if one != "port"]
    before = draw(st.lists(_anything(desks), min_size=3, max_size=10))
    ending = draw(st.permutations(_all_that_is_needed(desks)))
    missing = draw(st.sampled_from([0, 0, 0, 1, 2]))
    after = draw(st.lists(_anything(desks), min_size=1, max_size=6))
    ages = st.integers(-4, 4)  # an agency's time runs with its words, more or less
    moves = [*before, *ending[missing:], ("settle",), ("conclude",), *after, ("settle",)]
    return chosen, [_at(2 * n + draw(ages), move) for n, move in enumerate(moves, 4)]


def _all_that_is_needed(desks: Sequence[str]) -> list[tuple]:
    needed: list[tuple] = [
        ("reply", (desk, "release" if desk == "customs" else "accept", {})) for desk in desks
    ]
    needed += [("inspected", desk, hold_id) for desk in desks for hold_id in ("H-1", "H-2")]
    return needed + [("bank", "TaxDeducted", bill_id) for bill_id in ("B-1", "B-2")]


def _anything(desks: Sequence[str]) -> st.SearchStrategy[tuple]:
    desk, customs = st.sampled_from(desks), st.just("customs")
    hold_id, bill_id = st.sampled_from(["H-1", "H-2"]), st.sampled_from(["B-1", "B-2"])
    hold = st.fixed_dictionaries(
        {
            "hold_id": hold_id,
            "kind": st.sampled_from(["inspection", "other"]),
            "gate": st.sampled_from(["port", "port", "use"]),
        }
    )
    left = {"report": {"gate_out_at": instant(30)}}
    saying = st.one_of(
        st.tuples(desk, st.just("hold"), st.builds(lambda one: {"hold": one}, hold)),
        st.tuples(desk, st.just("clear"), st.builds(lambda one: {"hold_id": one}, hold_id)),
        st.tuples(desk, st.sampled_from(["accept", "clear", "review"]), st.just({})),
        st.tuples(customs, st.just("tax"), st.builds(lambda one: {"tax": bill(one)}, bill_id)),
        st.tuples(customs, st.sampled_from(["release", "release", "revoke"]), st.just({"findings": ["x"]})),
        st.tuples(st.just("port"), st.just("accept"), st.just(left)),
    )
    return st.one_of(
        st.tuples(st.just("reply"), saying),
        st.tuples(st.just("reply"), saying),
        st.tuples(st.just("inspected"), desk, hold_id),
        st.tuples(st.just("bank"), st.sampled_from(["TaxDeducted", "TaxGuaranteed", "TaxReversed"]), bill_id),
        st.tuples(st.just("settle")),
        st.tuples(st.sampled_from(["conclude", "resubmit"])),
    )


def _at(minute: int, move: tuple) -> tuple:
    """A move with the minute of whoever makes it."""
    if move[0] == "reply":
        return (*move, minute, 0, False)
    return (*move, minute) if move[0] == "inspected" else move


# What events of payments say beside the bill.
_OF_A_BANK = {"amount": "220.40", "bank": "sandbox-bank", "guarantee_id": "G-1", "reason": "by the bank"}


def _billed(case: Clearance, fresh: Sequence[Event]) -> None:
    """What payments make of customs' bill, once a bill."""
    for event in fresh:
        if event.data.get("outcome") == "tax" and event.data["effect"] == "applied":
            bill_id = event.data["tax"]["bill_id"]
            if not any(e.type == "TaxBilled" and e.data["bill_id"] == bill_id for e in case.consignment.of_version()):
                case.billed(bill_id)


def run(
    chosen: Sequence[str], steps: Sequence[tuple], seen: Callable[[Clearance], object] = lambda _: None
) -> Clearance:
    """Play a course; `apply` refuses illegal moves, and `seen` looks at it after each step, settled or not yet."""
    case = Clearance(*chosen)
    for name, *arguments in steps:
        seen(case)
        if name == "reply":
            (agency, outcome, *more), minute, number, old = arguments
            version = max(1, case.consignment.version - 1) if old else case.consignment.version
            reply_id = f"{agency}-{outcome}-{minute}-{number}"
            members = more[0] if more else {}
            before = len(case.consignment.events)
            case.reply(agency, outcome, at=minute, reply_id=reply_id, version=version, **members)
            _billed(case, case.consignment.events[before:])
        elif name == "inspected":
            agency, hold_id, minute = arguments
            case.inspected(agency, hold_id, at=minute)
        elif name == "bank":
            case.happens(arguments[0], bill_id=arguments[1], **_OF_A_BANK)
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
