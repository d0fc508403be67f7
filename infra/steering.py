"""How those that are played on this machine are told to behave: usually, and for one number alone."""

from collections.abc import Callable
from threading import Lock
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from werkzeug.wrappers import Request, Response

from singlewindow import canonical, commands, correlation
from singlewindow.errors import PROBLEM_JSON, WindowError

View = Callable[..., Response]


class Steered(BaseModel):
    """A behaviour by its name. `for`: a number by which it is asked; without it, whatever it is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delay_seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] | None = None
    only_for: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        default=None, alias="for"
    )

    def as_json(self) -> dict[str, Any]:
        raise NotImplementedError


B = TypeVar("B", bound=Steered)


class Rules(Generic[B]):
    """The behaviours of one: one for everything, and those for single numbers."""

    def __init__(self, usual: B) -> None:
        self._usual = usual
        self._single: dict[str, B] = {}
        self._lock = Lock()

    def set(self, value: Any) -> None:
        """Take over a behaviour as JSON. Raises 422 naming what is wrong in it."""
        behaviour = commands.parse(type(self._usual), value)
        with self._lock:
            if behaviour.only_for:
                self._single[behaviour.only_for] = behaviour
            else:
                self._usual = behaviour

    @property
    def single(self) -> bool:
        """Whether anything is said of single numbers."""
        return bool(self._single)

    def of(self, *numbers: str | None) -> B:
        """The behaviour for what is known by these numbers, the most telling first."""
        with self._lock:
            return next((self._single[one] for one in numbers if one in self._single), self._usual)

    def as_json(self) -> dict[str, Any]:
        with self._lock:
            return self._usual.as_json() | {"single": [one.as_json() for one in self._single.values()]}


def allow(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise WindowError(
            405,
            "method-not-allowed",
            f"{request.method} is not one of {', '.join(methods)}",
            detail_zh="不支持的方法",
            headers={"Allow": ", ".join(methods)},
        )


def answered(view: Callable[..., Any]) -> View:
    """The view with the window's manners: a correlation id, problems as RFC 9457."""

    def answer(request: Request, **parameters: str) -> Response:
        with correlation.bound(request.headers.get("X-Correlation-Id")) as correlation_id:
            status, media_type, headers = 200, "application/json", {"X-Correlation-Id": correlation_id}
            try:
                body = view(request, **parameters)
            except WindowError as error:
                body = error.problem(request.path, correlation_id)
                status, media_type, headers = error.status, PROBLEM_JSON, headers | error.headers
            return Response(canonical.dumps(body), status, headers, content_type=media_type)

    return answer
