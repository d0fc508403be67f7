"""All simulated agencies of the catalogue, and the switchboard that tells them how to behave."""

from collections.abc import Callable
from itertools import count
from typing import Any

from werkzeug.wrappers import Request

from infra.agencies.desk import Desk, Grapevine, Window
from infra.agencies.replies import Sign
from infra.steering import View, allow, answered
from singlewindow import canonical, catalogue, clock
from singlewindow.errors import not_found


def _unheard(_agency: str, _text: str) -> None:
    """Nobody listens."""


class Hall:
    """The agencies, at work between `start` and `stop` (or inside `with`).

    `sqs` is a boto3 client of wherever the queues are; `url` the window's address; `token(agency)` gives an
    agency its bearer token, `sign(agency, payload)` its signature; `told(agency, text)` hears what they do.
    """

    def __init__(
        self,
        sqs: Any,
        *,
        url: str,
        token: Callable[[str], str],
        stack: str = "singlewindow",
        told: Callable[[str, str], None] = _unheard,
        only: tuple[str, ...] = (),
        sign: Sign | None = None,
    ) -> None:
        window = Window(url, sqs, stack, token, sign)
        grapevine, serial = Grapevine(), count(1)
        self.desks = {
            one["id"]: Desk(
                one["id"],
                releases=one["releases"],
                window=window,
                grapevine=grapevine,
                told=told,
                serial=serial,
            )
            for one in catalogue.agencies(clock.business_date())
            if not only or one["id"] in only
        }

    def __enter__(self) -> "Hall":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> "Hall":
        for desk in self.desks.values():
            desk.start()
        return self

    def stop(self, patience: float = 1.5) -> None:
        """No more replies at once; waits up to `patience` seconds for each long poll to end."""
        for desk in self.desks.values():
            desk.stop()
        for desk in self.desks.values():
            desk.join(patience)

    def behave(self, agency: str, behaviour: str, **members: Any) -> None:
        """Tell one agency how to behave, as `PUT …/behaviour` does (`for_` for `for`)."""
        self.desks[agency].rules.set(
            {"behaviour": behaviour} | {name.rstrip("_"): value for name, value in members.items()}
        )

    @property
    def routes(self) -> dict[str, View]:
        """What the local gateway serves beside the template's paths."""
        return {
            "/_local/agencies": answered(self._list),
            "/_local/agencies/{agency}/behaviour": answered(self._behaviour),
        }

    def _list(self, request: Request) -> Any:
        allow(request, "GET")
        return {"items": [self._shown(agency) for agency in self.desks]}

    def _behaviour(self, request: Request, agency: str) -> Any:
        allow(request, "GET", "PUT")
        if agency not in self.desks:
            raise not_found(agency)
        if request.method == "PUT":
            self.desks[agency].rules.set(canonical.parse_json(request.get_data()))
        return self._shown(agency)

    def _shown(self, agency: str) -> dict[str, Any]:
        return {"agency": agency, "simulated": True} | self.desks[agency].rules.as_json()
