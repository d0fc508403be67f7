"""The REST API in front of the functions: API Gateway as the template's OpenAPI body describes it.

As in AWS: literal path segments before parameters before `{proxy+}`; 10 MB requests, 6 MB to and from a
function; binary media types; authorizers with their cache across routes; throttles per method; gateway
responses with their templates and headers for whatever the gateway answers itself; CORS preflights as SAM's
`Cors:` generates them; malformed function answers are 502. Paths have no stage prefix, as behind a custom
domain.

Unlike AWS: request validators and models, API keys, usage plans, WAF, response caching and compression are
not known; an integration's 29 s are judged when it has answered.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote
from uuid import uuid4

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.serving import WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from infra.stage.authorizers import Authorizer, Refused, function_of
from infra.stage.functions import FunctionError, Functions, PayloadTooLarge
from infra.stage.template import ACCOUNT, PARTITION, REGION, StageError

REQUEST_LIMIT = 10 * 1024 * 1024  # bytes
INTEGRATION_TIMEOUT = 29.0  # seconds

LocalRoute = Callable[..., Response]  # (request, **path parameters) → response

# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html; a failed
# proxy integration answers 502, whatever DEFAULT_5XX has no status of its own.
_STATUS = {
    "ACCESS_DENIED": 403,
    "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_FAILURE": 500,
    "BAD_REQUEST_BODY": 400,
    "INTEGRATION_TIMEOUT": 504,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "REQUEST_TOO_LARGE": 413,
    "THROTTLED": 429,
    "UNAUTHORIZED": 401,
    "DEFAULT_5XX": 502,
}
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
_REMAPPED = {
    "authorization",
    "connection",
    "content-md5",
    "date",
    "host",
    "server",
    "user-agent",
    "www-authenticate",
}
_DROPPED = {"content-length", "transfer-encoding", "te", "upgrade", "via", "expect"}


class HeaderKeeper(WSGIRequestHandler):
    """Keeps header names as they were written and repeated headers apart: WSGI would not."""

    def make_environ(self) -> dict[str, Any]:
        return super().make_environ() | {"gateway.headers": list(self.headers.items())}

    def log(self, type: str, message: str, *args: Any) -> None:
        """Quiet: the functions log, and tests read their logs."""


@dataclass(slots=True)
class _Bucket:
    """Tokens of one method: `rate` a second, `burst` at most."""

    rate: float
    burst: float
    tokens: float = field(init=False)
    filled: float = field(default_factory=time.monotonic)
    lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def take(self) -> bool:
        with self.lock:
            now = time.monotonic()
            self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.rate)
            self.filled = now
            if self.tokens < 1:
                return False
            self.tokens -= 1
            return True


@dataclass(frozen=True, slots=True)
class _Operation:
    """One method of one resource."""

    resource: str
    method: str
    function: str | None  # None: a mock integration
    authorizer: Authorizer | None
    mock: Mapping[str, Any]
    bucket: _Bucket | None
    name: str | None


class Gateway:
    """A WSGI application for one `AWS::Serverless::Api`."""

    def __init__(self, api: Mapping[str, Any], functions: Functions) -> None:
        body = api["DefinitionBody"]
        self.api = api
        self.functions = functions
        self.stage = api["StageName"]
        self.local_routes: dict[str, LocalRoute] = {}
        schemes = (
            (body.get("components") or {}).get("securitySchemes") or body.get("securityDefinitions") or {}
        )
        self.authorizers = {
            name: Authorizer(name, scheme, functions)
            for name, scheme in schemes.items()
            if "x-amazon-apigateway-authorizer" in scheme
        }
        self._responses: dict[str, Any] = body.get("x-amazon-apigateway-gateway-responses") or {}
        self._binary = {
            media_type.replace("~1", "/").lower()
            for media_type in [
                *body.get("x-amazon-apigateway-binary-media-types", []),
                *api.get("BinaryMediaTypes", []),
            ]
        }
        self._paths = {
            path: {
                method.upper().replace("X-AMAZON-APIGATEWAY-ANY-METHOD", "ANY"): self._operation(
                    path, method, operation, body
                )
                for method, operation in operations.items()
                if method in _METHODS
            }
            for path, operations in body["paths"].items()
        }
        self._route = _router(self._paths)

    def _operation(
        self, path: str, method: str, operation: Mapping[str, Any], body: Mapping[str, Any]
    ) -> _Operation:
        where = f"{method.upper()} {path}"
        integration = operation.get("x-amazon-apigateway-integration") or {}
        kind = str(integration.get("type", "")).lower()
        if kind not in ("aws_proxy", "mock"):
            raise StageError(f"{where}: integration type {kind or 'none'} is not known to the local stack")
        if "x-amazon-apigateway-request-validator" in {**operation, **body}:
            raise StageError(f"{where}: request validators are not known to the local stack")
        names = [
            name
            for requirement in operation.get("security", body.get("security", []))
            for name in requirement
        ]
        unknown = [name for name in names if name not in self.authorizers]
        if unknown:
            raise StageError(f"{where}: security scheme {', '.join(unknown)} has no authorizer")
        return _Operation(
            resource=path,
            method=method.upper(),
            function=function_of(integration["uri"]) if kind == "aws_proxy" else None,
            authorizer=self.authorizers[names[0]] if names else None,
            mock=integration,
            bucket=self._bucket(path, method.upper()),
            name=operation.get("operationId"),
        )

    def _bucket(self, path: str, method: str) -> _Bucket | None:
        """The throttle of a method: the settings that name it most exactly, per method in either case."""
        best: Mapping[str, Any] = {}
        rank = -1
        for setting in self.api.get("MethodSettings") or ():
            if setting.get("CachingEnabled"):
                raise StageError("MethodSettings: response caching is not known to the local stack")
            named = "/" + setting.get("ResourcePath", "/*").lstrip("/").replace("~1", "/").lstrip("/")
            exact_path, exact_method = named == path, setting.get("HttpMethod", "*") == method
            if named not in (path, "/*") or setting.get("HttpMethod", "*") not in (method, "*"):
                continue
            if "ThrottlingRateLimit" in setting and 2 * exact_path + exact_method > rank:
                best, rank = setting, 2 * exact_path + exact_method
        if not best:
            return None
        rate = float(best["ThrottlingRateLimit"])
        return _Bucket(rate, float(best.get("ThrottlingBurstLimit", max(rate, 1))))

    # --- a request ------------------------------------------------------------------------------------------

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = REQUEST_LIMIT
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        path = request.environ.get("REQUEST_URI", request.path).split("?")[0]
        if path.startswith("/_local/"):
            return self._local(request, path)
        headers = request.environ.get("gateway.headers") or list(request.headers.items())
        found = self._route(path)
        operations, parameters = found if found else ({}, {})
        operation = operations.get(request.method) or operations.get("ANY")
        event = self._event(request, path, headers, parameters, operation)
        try:
            if operation is None:
                preflight = (
                    self._preflight(operations) if request.method == "OPTIONS" and operations else None
                )
                if preflight is None:
                    raise Refused("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
                return preflight
            return self._serve(request, operation, event)
        except Refused as refusal:
            return self._refusal(refusal, event)

    def _serve(self, request: Request, operation: _Operation, event: dict[str, Any]) -> Response:
        try:
            raw = request.get_data(cache=False)
        except RequestEntityTooLarge:
            raise Refused("REQUEST_TOO_LARGE", "Request Too Long") from None
        if operation.bucket and not operation.bucket.take():
            raise Refused("THROTTLED", "Too Many Requests")
        if operation.function is None:
            return _mocked(operation.mock)
        if operation.authorizer:
            context = event["requestContext"]
            context["authorizer"] = operation.authorizer.authorize(
                event, self._method_arn(context, event["path"])
            )
        event["isBase64Encoded"] = self._is_binary(request.headers.get("Content-Type", ""))
        if raw:
            encoded = event["isBase64Encoded"]
            event["body"] = (
                base64.b64encode(raw).decode() if encoded else raw.decode("utf-8", errors="replace")
            )
        started = time.monotonic()
        try:
            answer = self.functions.invoke(operation.function, event)
        except PayloadTooLarge:
            raise Refused("REQUEST_TOO_LARGE", "Request Too Long") from None
        except FunctionError as error:
            raise Refused("DEFAULT_5XX", "Internal server error") from error
        if time.monotonic() - started > INTEGRATION_TIMEOUT:
            raise Refused("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        return self._response(answer, request, event)

    def _response(self, answer: Any, request: Request, event: Mapping[str, Any]) -> Response:
        """A proxy integration's answer on the wire. Anything but its fixed shape is 502."""
        malformed = Refused("DEFAULT_5XX", "Internal server error")
        if (
            not isinstance(answer, dict)
            or set(answer) - _ANSWER_KEYS
            or not isinstance(answer.get("body") or "", str)
        ):
            raise malformed
        try:
            status = int(answer.get("statusCode", 200))
            headers = [(k, str(v)) for k, v in (answer.get("headers") or {}).items()]
            repeated = [(k, str(v)) for k, vs in (answer.get("multiValueHeaders") or {}).items() for v in vs]
        except (TypeError, ValueError, AttributeError):
            raise malformed from None
        if not 100 <= status <= 599:
            raise malformed
        many = {name.lower() for name, _ in repeated}
        body = (answer.get("body") or "").encode("utf-8", "surrogatepass")
        if answer.get("isBase64Encoded") and self._is_binary(request.headers.get("Accept", "").split(",")[0]):
            try:
                body = base64.b64decode(body, validate=True)
            except ValueError:
                raise malformed from None
        response = Response(body, status)
        response.headers.clear()
        for name, value in [*((k, v) for k, v in headers if k.lower() not in many), *repeated]:
            if name.lower() not in _DROPPED:
                response.headers.add(f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name, value)
        if "Content-Type" not in response.headers:
            response.headers["Content-Type"] = "application/json"
        return _stamped(response, event, len(body))

    def _refusal(self, refusal: Refused, event: Mapping[str, Any]) -> Response:
        """The gateway's own answer: the template's gateway response of this type, or its default, or AWS'
        own.
        """
        status = _STATUS[refusal.response_type]
        default = "DEFAULT_4XX" if status < 500 else "DEFAULT_5XX"
        shape = self._responses.get(refusal.response_type) or self._responses.get(default) or {}
        context = event["requestContext"] | {
            "error": {
                "message": refusal.message,
                "messageString": json.dumps(refusal.message),
                "responseType": refusal.response_type,
            },
            "responseType": refusal.response_type,
        }
        templates = shape.get("responseTemplates") or {
            "application/json": '{"message":$context.error.messageString}'
        }
        media_type = "application/json" if "application/json" in templates else next(iter(templates))
        body = _VARIABLE.sub(
            lambda match: _context_value(context, match[1] or match[2]), templates[media_type]
        ).encode()
        response = Response(body, int(shape.get("statusCode", status)), content_type=media_type)
        for target, source in (shape.get("responseParameters") or {}).items():
            value = _mapped(source, context, event)
            if value is not None:
                response.headers[target.removeprefix("gatewayresponse.header.")] = value
        return _stamped(response, event, len(body))

    def _preflight(self, operations: Mapping[str, _Operation]) -> Response | None:
        """What SAM generates for `Cors:`: a mock OPTIONS beside every path's methods."""
        cors = self.api.get("Cors")
        if not cors:
            return None
        if isinstance(cors, str):
            cors = {"AllowOrigin": cors}
        methods = ",".join(sorted({*operations, "OPTIONS"}))
        response = Response("{}", 200, content_type="application/json")
        response.headers["Access-Control-Allow-Methods"] = str(cors.get("AllowMethods", methods)).strip("'")
        for property_, header in _CORS_HEADERS.items():
            if property_ in cors:
                value = cors[property_]
                response.headers[header] = (
                    str(value).lower() if isinstance(value, bool) else str(value).strip("'")
                )
        return response

    def _event(
        self,
        request: Request,
        path: str,
        headers: list[tuple[str, str]],
        parameters: Mapping[str, str],
        operation: _Operation | None,
    ) -> dict[str, Any]:
        """The proxy event, without its body."""
        now = datetime.now(UTC)
        request_id = str(uuid4())
        host = request.host
        headers = [
            *headers,
            ("X-Forwarded-For", request.remote_addr or "127.0.0.1"),
            ("X-Forwarded-Proto", request.scheme),
            ("X-Forwarded-Port", host.rpartition(":")[2]),
            ("X-Amzn-Trace-Id", f"Root=1-{int(now.timestamp()):x}-{request_id.replace('-', '')[:24]}"),
        ]
        query = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True)
        resource = operation.resource if operation else path
        context: dict[str, Any] = {
            "accountId": ACCOUNT,
            "apiId": self.api["RestApiId"],
            "domainName": host,
            "domainPrefix": host.split(".")[0],
            "extendedRequestId": request_id.replace("-", "")[:16],
            "httpMethod": request.method,
            "identity": _NOBODY
            | {
                "sourceIp": request.remote_addr or "127.0.0.1",
                "userAgent": request.headers.get("User-Agent"),
            },
            "path": f"/{self.stage}{path}",
            "protocol": request.environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
            "requestId": request_id,
            "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "requestTimeEpoch": int(now.timestamp() * 1000),
            "resourceId": "local",
            "resourcePath": resource,
            "stage": self.stage,
        }
        if operation and operation.name:
            context["operationName"] = operation.name
        return {
            "resource": resource,
            "path": unquote(path),
            "httpMethod": request.method,
            "headers": dict(headers) or None,
            "multiValueHeaders": _gathered(headers) or None,
            "queryStringParameters": dict(query) or None,
            "multiValueQueryStringParameters": _gathered(query) or None,
            "pathParameters": dict(parameters) or None,
            "stageVariables": None,
            "requestContext": context,
            "body": None,
            "isBase64Encoded": False,
        }

    def _method_arn(self, context: Mapping[str, Any], path: str) -> str:
        api = f"arn:{PARTITION}:execute-api:{REGION}:{ACCOUNT}:{self.api['RestApiId']}"
        return f"{api}/{self.stage}/{context['httpMethod']}/{path.lstrip('/')}"

    def _is_binary(self, media_type: str) -> bool:
        return "*/*" in self._binary or media_type.split(";")[0].strip().lower() in self._binary

    def _local(self, request: Request, path: str) -> Response:
        found = _router(self.local_routes)(path)
        if found is None:
            return Response('{"message":"no such local route"}', 404, content_type="application/json")
        handler, parameters = found
        return handler(request, **parameters)


_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"}
_ANSWER_KEYS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
_CORS_HEADERS = {
    "AllowOrigin": "Access-Control-Allow-Origin",
    "AllowHeaders": "Access-Control-Allow-Headers",
    "MaxAge": "Access-Control-Max-Age",
    "AllowCredentials": "Access-Control-Allow-Credentials",
}
_NOBODY = dict.fromkeys(
    (
        "accessKey",
        "accountId",
        "caller",
        "cognitoAuthenticationProvider",
        "cognitoAuthenticationType",
        "cognitoIdentityId",
        "cognitoIdentityPoolId",
        "principalOrgId",
        "user",
        "userArn",
    )
)
_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_.]+\w)|\$\{context\.([A-Za-z0-9_.]+)}")


T = TypeVar("T")


def _router(paths: Mapping[str, T]) -> Callable[[str], tuple[T, dict[str, str]] | None]:
    """A function from a raw path to the most literal entry of `paths` and its (undecoded) parameters."""
    patterns = [(_specificity(path), _path_pattern(path), entry) for path, entry in paths.items()]
    patterns.sort(key=lambda each: each[0])

    def route(path: str) -> tuple[T, dict[str, str]] | None:
        for _, pattern, entry in patterns:
            if found := pattern.fullmatch(path):
                return entry, {name: unquote(value) for name, value in found.groupdict().items()}
        return None

    return route


def _specificity(path: str) -> tuple[int, ...]:
    """Segment by segment: a literal before a parameter before a greedy one."""
    return tuple(2 if part.endswith("+}") else 1 if part.startswith("{") else 0 for part in path.split("/"))


def _path_pattern(path: str) -> re.Pattern[str]:
    parts = []
    for part in path.split("/"):
        if part.startswith("{"):
            name = part.strip("{}")
            parts.append(f"(?P<{name[:-1]}>.+)" if name.endswith("+") else f"(?P<{name}>[^/]+)")
        else:
            parts.append(re.escape(part))
    return re.compile("/".join(parts) + ("" if path == "/" else "/?"))


def _gathered(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    gathered: dict[str, list[str]] = {}
    for name, value in pairs:
        gathered.setdefault(name, []).append(value)
    return gathered


def _context_value(context: Mapping[str, Any], name: str) -> str:
    """`$context.<name>`, "" where there is none."""
    value: Any = context
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None else str(value)


def _mapped(source: str, context: Mapping[str, Any], event: Mapping[str, Any]) -> str | None:
    """A response parameter: `'static'`, `context.<name>` or `method.request.<place>.<name>`."""
    if source.startswith("'"):
        return source.strip("'")
    if source.startswith("context."):
        return _context_value(context, source.removeprefix("context.")) or None
    place, _, name = source.removeprefix("method.request.").partition(".")
    values = (
        event[{"header": "headers", "querystring": "queryStringParameters", "path": "pathParameters"}[place]]
        or {}
    )
    return next((value for key, value in values.items() if key.lower() == name.lower()), None)


def _mocked(integration: Mapping[str, Any]) -> Response:
    """A mock integration's default response: status, static headers, static body."""
    shape = (integration.get("responses") or {}).get("default") or {}
    templates = shape.get("responseTemplates") or {"application/json": ""}
    media_type, body = next(iter(templates.items()))
    response = Response(body or "", int(shape.get("statusCode", 200)), content_type=media_type)
    for target, value in (shape.get("responseParameters") or {}).items():
        response.headers[target.removeprefix("method.response.header.")] = str(value).strip("'")
    return response


def _stamped(response: Response, event: Mapping[str, Any], length: int) -> Response:
    response.headers["x-amzn-RequestId"] = event["requestContext"]["requestId"]
    response.headers["Content-Length"] = str(length)
    return response
