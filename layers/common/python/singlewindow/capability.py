"""A capability: a Chalice app that knows its callers, answers problems, and logs with one correlation id.

The only importer of chalice and powertools. Decorators in an `app.py` are the single source of truth for the
infrastructure: `infra.synth` reads `app.routes` and `app.triggers`.
"""

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from aws_lambda_powertools import Logger
from chalice import Chalice, Response

from singlewindow import canonical, correlation, settings
from singlewindow.access import MEGABYTE, NO_TOKEN, PUBLIC, Access, Allow, Throttle
from singlewindow.errors import PROBLEM_JSON, WindowError
from singlewindow.parties import TOKEN_LEEWAY, Caller, Role

BINARY_TYPES = ("application/xml", "text/xml", "application/edifact", "application/octet-stream")
JSON = ("application/json",)
_BODILESS = ("GET", "DELETE", "HEAD")


@dataclass(frozen=True)
class Trigger:
    """A handler that something other than HTTP calls; each becomes a Lambda function of its own.

    kind: `queue` (sources = the queues' logical ids; `types` = the events it wants), `agency-replies` (one source a
    reply queue), `stream` (source = the table), `schedule` (the clock), `step` (a state machine),
    `authorizer`.
    """

    kind: str
    handler: str
    sources: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as a view sees it. `caller` is None on public routes only."""

    caller: Caller | None
    body: bytes
    media_type: str
    headers: Mapping[str, str]
    query: Mapping[str, str]

    @property
    def by(self) -> Caller:
        if self.caller is None:
            raise _unauthorized()
        return self.caller

    @property
    def idempotency_key(self) -> str:
        """The key under which a repetition is known. Raises 400 where there is none."""
        key = self.headers.get("idempotency-key", "")
        if not 1 <= len(key) <= 128 or not key.isprintable():
            raise WindowError(
                400,
                "idempotency-key-missing",
                "send an Idempotency-Key header of 1 to 128 printable characters",
                detail_zh="缺少幂等键：请提供 Idempotency-Key",
            )
        return key

    def json(self) -> Any:
        return canonical.parse_json(self.body)


@dataclass(frozen=True, slots=True)
class Message:
    """One queue message: `sender` is the logical name of the queue that it came by, never what the body claims."""

    body: bytes
    queue: str
    message_id: str


class Answer(Response):
    """A JSON answer with Decimals as strings."""

    def __init__(self, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(body, dict(headers or {}), status)


class Capability(Chalice):
    """`Capability("declarations")` in `functions/declarations/app.py`."""

    def __init__(self, name: str) -> None:
        super().__init__(name, configure_logs=False, env={})
        self.api.binary_types = list(BINARY_TYPES)
        self.triggers: list[Trigger] = []
        self.logger = Logger(service=name, level=settings.get("LOG_LEVEL", "INFO"), location=None)

    def route(  # type: ignore[override]
        self,
        path: str,
        *,
        allow: Allow,
        methods: tuple[str, ...] = ("GET",),
        consumes: tuple[str, ...] = JSON,
        request: Any = None,
        responses: dict[int, Any] | None = None,
        query: tuple[str, ...] = (),
        headers: tuple[str, ...] = (),
        max_bytes: int = MEGABYTE,
        larger: str = "",
        throttle: Throttle | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register `view(request: Request, **path_parameters)`. `allow` has no default: a route says who may call."""

        def register(view: Callable[..., Any]) -> Callable[..., Any]:
            access = Access(
                allow=allow,
                summary=(view.__doc__ or view.__name__).strip().splitlines()[0],
                consumes=() if set(methods) <= set(_BODILESS) else consumes,
                request=request,
                responses=responses,
                query=query,
                headers=headers,
                max_bytes=max_bytes,
                larger=larger,
                throttle=throttle,
            )

            @wraps(view)
            def answered(**parameters: str) -> Response:
                return self._answer(view, access, parameters)

            answered.access = access  # type: ignore[attr-defined]
            return Chalice.route(
                self, path, methods=list(methods), content_types=["*/*"], name=view.__name__
            )(answered)

        return register

    def on_queue(
        self,
        *sources: str,
        types: tuple[str, ...] = (),
        only: Mapping[str, tuple[str, ...]] | None = None,
        batch_size: int = 10,
        patient: bool = False,
        concurrency: int = 0,
        kind: str = "queue",
    ) -> Callable[[Callable[[Message], None]], Callable[..., Any]]:
        """Register `handler(message)`; one that raises returns alone to its queue, the rest of its batch is done.

        `sources`: one queue, or the shards of one. `types`: the events that it wants; `only`: of those that have such
        an attribute (`events.ATTRIBUTES`), these values. `patient`: a message may wait a little for company (parameter
        `Patience`). `concurrency`: how many batches of a source run at once at most (0: as many as the account lets).
        """

        def register(handler: Callable[[Message], None]) -> Callable[..., Any]:
            name = handler.__name__
            options: dict[str, Any] = {"types": types, "batch_size": batch_size, "patient": patient}
            if only:
                options["only"] = only
            if concurrency:
                options["concurrency"] = concurrency
            self.triggers.append(Trigger(kind, name, sources, options))

            def consume(event: Any) -> dict[str, Any]:
                failed = []
                for record in event.to_dict()["Records"]:
                    with correlation.bound(_correlation_of(record)) as correlation_id:
                        self.logger.set_correlation_id(correlation_id)
                        try:
                            handler(_message(record))
                            # What went well the ledger tells, and Lambda's metrics; a line costs as much as a queue.
                            self.logger.debug(
                                "consumed", extra={"handler": name, "message_id": record["messageId"]}
                            )
                        except Exception as error:
                            self._failed(name, record, error)
                            failed.append({"itemIdentifier": record["messageId"]})
                return {"batchItemFailures": failed}

            return self.on_sqs_message(queue=sources[0], batch_size=batch_size, name=name)(consume)

        return register

    def on_replies(
        self, *, batch_size: int = 10
    ) -> Callable[[Callable[[Message], None]], Callable[..., Any]]:
        """Register the one handler of all agencies' reply queues; the queue, not the body, names the sender."""
        return self.on_queue("agency-replies", batch_size=batch_size, kind="agency-replies")

    def on_stream(
        self, table: str, *, item_prefix: str, batch_size: int = 100
    ) -> Callable[[Callable[[list[dict[str, Any]]], str | None]], Callable[..., Any]]:
        """Register `handler(new_images) -> sequence number of the first that failed, or None`.

        Images are DynamoDB attribute maps with `sequence_number` beside them; order holds per key.
        """

        def register(handler: Callable[[list[dict[str, Any]]], str | None]) -> Callable[..., Any]:
            name = handler.__name__
            options = {"batch_size": batch_size, "item_prefix": item_prefix}
            self.triggers.append(Trigger("stream", name, (table,), options))

            def consume(event: Any) -> dict[str, Any]:
                images = [
                    {"sequence_number": r["dynamodb"]["SequenceNumber"], **r["dynamodb"]["NewImage"]}
                    for r in event.to_dict()["Records"]
                    if r["eventName"] == "INSERT"
                ]
                failed = handler(images) if images else None
                return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}

            return self.on_dynamodb_record(stream_arn=table, batch_size=batch_size, name=name)(consume)

        return register

    def on_schedule(self, expression: str) -> Callable[[Callable[[], None]], Callable[..., Any]]:
        """Register `handler()`, called by EventBridge Scheduler: `cron(…)` or `rate(…)`, in the business time zone.

        It may be called twice, or late: it finds out itself what is due.
        """

        def register(handler: Callable[[], None]) -> Callable[..., Any]:
            name = handler.__name__
            self.triggers.append(Trigger("schedule", name, (), {"expression": expression}))

            def run(_event: Any, _context: Any) -> None:
                with correlation.bound(None) as correlation_id:
                    self.logger.set_correlation_id(correlation_id)
                    handler()
                    self.logger.info("ran", extra={"handler": name})

            return self.lambda_function(name=name)(run)

        return register

    def on_timer(self, handler: Callable[[Any], None]) -> Callable[..., Any]:
        """Register `handler(payload)`, called when a timer of `singlewindow.aws.timers` is over, at least once."""

        @wraps(handler)
        def told(message: Message) -> None:
            timer = json.loads(message.body)
            with correlation.bound(timer["correlation_id"]) as correlation_id:
                self.logger.set_correlation_id(correlation_id)
                handler(timer["payload"])

        return self.on_queue(f"{self.app_name.capitalize()}Timers", kind="timer")(told)

    def step(self, handler: Callable[[dict[str, Any]], Any]) -> Callable[..., Any]:
        """Register `handler(payload)`, called by a state machine; `payload["correlation_id"]` is bound and logged."""
        self.triggers.append(Trigger("step", handler.__name__))

        def run(event: dict[str, Any], _context: Any) -> Any:
            with correlation.bound(event.get("correlation_id")) as correlation_id:
                self.logger.set_correlation_id(correlation_id)
                answer = handler(event)
                self.logger.info("stepped", extra={"handler": handler.__name__})
                return json.loads(canonical.dumps(answer))

        return self.lambda_function(name=handler.__name__)(run)

    def authorize(self, handler: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[..., Any]:
        """Register the gateway's authorizer: `handler(event) -> policy`, or an exception `Unauthorized`."""
        self.triggers.append(Trigger("authorizer", handler.__name__))

        def run(event: dict[str, Any], _context: Any) -> dict[str, Any]:
            return handler(event)

        return self.lambda_function(name=handler.__name__)(run)

    def count(self, metric: str, number: int = 1) -> None:
        """Count something for the operators, as a line that CloudWatch turns into a metric; costs no call."""
        from aws_lambda_powertools.metrics import MetricUnit, single_metric  # few invocations count anything

        with single_metric(
            metric,
            MetricUnit.Count,
            number,
            namespace="singlewindow",
            default_dimensions={"service": self.app_name},
        ):
            pass

    def _answer(self, view: Callable[..., Any], access: Access, parameters: dict[str, str]) -> Response:
        event = self.current_request.to_original_event()  # type: ignore[union-attr]
        headers = {k.lower(): v for k, v in (event.get("headers") or {}).items()}
        with correlation.bound(headers.get("x-correlation-id")) as correlation_id:
            self.logger.set_correlation_id(correlation_id)
            path = event["path"]
            try:
                answer = view(_request(event, headers, access), **parameters)
            except WindowError as error:
                self.logger.info("refused", extra={"code": error.code, "status": error.status, "path": path})
                answer = _problem(error, path, correlation_id)
            except Exception:
                self.logger.exception("view failed", extra={"path": path})
                self.count("ViewsFailed")
                answer = _problem(_INTERNAL, path, correlation_id)
            if not isinstance(answer, Response):
                answer = Answer(answer)
            self.logger.info(
                "answered", extra={"method": event["httpMethod"], "path": path, "status": answer.status_code}
            )
            answer.headers = _STANDARD_HEADERS | {"X-Correlation-Id": correlation_id} | answer.headers
            if not isinstance(answer.body, str | bytes):
                answer.body = canonical.dumps(answer.body).decode()
            return answer

    def _failed(self, handler: str, record: dict[str, Any], error: Exception) -> None:
        """Log why, and say when to try again: what nobody can read goes to the dead letters without delay."""
        from singlewindow.aws import queues  # only failures need it; the authorizer never does

        extra = {"handler": handler, "message_id": record["messageId"]}
        received = _receive_count(record)
        if isinstance(error, WindowError) and error.status < 500:
            self.logger.warning(
                "message refused", extra={**extra, "code": error.code, "detail": error.detail}
            )
            self.count("MessagesRefused")
            delay = 0
        else:
            self.logger.exception("message failed", extra=extra)
            self.count("MessagesFailed")
            delay = min(2**received, _LONGEST_WAIT)
        try:
            queues.come_back(record["eventSourceARN"], record["receiptHandle"], delay)
        except Exception:  # then it comes back when the queue's own visibility timeout says
            self.logger.exception("visibility not changed", extra=extra)


_LONGEST_WAIT = 900

# What a page may read of an answer, and that no cache or sniffer plays with it.
_STANDARD_HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag,Location,X-Correlation-Id,Idempotent-Replay,Retry-After",
}
_INTERNAL = WindowError(
    500, "internal", "the window failed; nothing was lost, try again", detail_zh="系统内部错误，请稍后重试"
)


def _request(event: dict[str, Any], headers: dict[str, str], access: Access) -> Request:
    """The request, after what must hold before a view sees it: role, size, media type."""
    caller = None
    if access.allow is not PUBLIC:
        caller = _caller(event)
        allowed: tuple[Role, ...] = access.allow  # type: ignore[assignment]
        if caller.role not in allowed:
            raise WindowError(
                403,
                "wrong-role",
                f"role {caller.role} may not do this: {', '.join(allowed)} may",
                detail_zh=f"角色 {caller.role} 无权执行此操作，可由 {'、'.join(allowed)} 执行",
            )
    body = event.get("body") or ""
    raw = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode("utf-8", "surrogatepass")
    if len(raw) > access.max_bytes:
        raise WindowError(
            413,
            "too-large",
            f"{len(raw)} bytes; at most {access.max_bytes}"
            + (f": send it by {access.larger}" if access.larger else ""),
            detail_zh=f"报文 {len(raw)} 字节，上限 {access.max_bytes} 字节"
            + (f"，请改用 {access.larger}" if access.larger else ""),
        )
    media_type = headers.get("content-type", "").split(";")[0].strip().lower()
    if access.consumes and media_type not in access.consumes:
        raise WindowError(
            415,
            "unsupported-media-type",
            f"{media_type or 'no content type'}; accepted: {', '.join(access.consumes)}",
            detail_zh=f"不支持的内容类型，可用：{'、'.join(access.consumes)}",
        )
    query = event.get("queryStringParameters") or {}
    unknown = sorted(set(query) - set(access.query))
    if unknown:
        raise WindowError(
            400,
            "unknown-parameter",
            f"unknown query parameter(s): {', '.join(unknown)}; known: {', '.join(access.query) or 'none'}",
            detail_zh=f"未知的查询参数：{'、'.join(unknown)}；可用：{'、'.join(access.query) or '无'}",
        )
    return Request(caller, raw, media_type, headers, query)


def _unauthorized() -> WindowError:
    return WindowError(401, "unauthorized", NO_TOKEN[0], detail_zh=NO_TOKEN[1])


def _caller(event: dict[str, Any]) -> Caller:
    """The authorizer's word. Its policy is cached across routes, so the role is judged here, per route."""
    context = event["requestContext"].get("authorizer") or {}
    try:
        caller = Caller(
            context["subject"], Role(context["role"]), context["party"], int(context["expires_at"])
        )
    except (KeyError, ValueError):
        raise _unauthorized() from None
    if caller.expires_at < time.time() - TOKEN_LEEWAY:
        raise WindowError(401, "unauthorized", "the token has expired", detail_zh="令牌已过期")
    return caller


def _problem(error: WindowError, path: str, correlation_id: str) -> Response:
    headers = {"Content-Type": PROBLEM_JSON} | error.headers
    return Answer(error.problem(path, correlation_id), error.status, headers)


def _message(record: dict[str, Any]) -> Message:
    return Message(
        body=record["body"].encode("utf-8", "surrogatepass"),
        queue=record["eventSourceARN"].rsplit(":", 1)[1],
        message_id=record["messageId"],
    )


def _receive_count(record: dict[str, Any]) -> int:
    return int(record["attributes"].get("ApproximateReceiveCount", 1))


def _correlation_of(record: dict[str, Any]) -> str | None:
    attribute = record.get("messageAttributes", {}).get("correlation_id")
    return attribute.get("stringValue") if attribute else None
