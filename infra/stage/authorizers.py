"""Lambda authorizers of the gateway: identity sources, the policy cache, and what a policy allows."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from infra.stage.functions import FunctionError, Functions
from infra.stage.template import StageError


class Refused(Exception):
    """The gateway answers itself: `response_type` is the gateway response's type."""

    def __init__(self, response_type: str, message: str) -> None:
        super().__init__(message)
        self.response_type = response_type
        self.message = message


@dataclass(frozen=True, slots=True)
class _Grant:
    """What an authorizer said, as long as it is kept."""

    context: Mapping[str, str]
    statements: tuple[Mapping[str, Any], ...]
    expires: float


class Authorizer:
    """One `x-amazon-apigateway-authorizer` of type request or token."""

    def __init__(self, name: str, scheme: Mapping[str, Any], functions: Functions) -> None:
        settings = scheme.get("x-amazon-apigateway-authorizer") or {}
        self.kind = str(settings.get("type", "")).upper()
        if self.kind not in ("REQUEST", "TOKEN"):
            raise StageError(
                f"authorizer {name}: type {settings.get('type')} is not known to the local stack"
            )
        self.functions = functions
        self.function = function_of(settings["authorizerUri"])
        self.ttl = float(settings.get("authorizerResultTtlInSeconds", 300))
        default = (
            f"method.request.header.{scheme.get('name', 'Authorization')}" if self.kind == "TOKEN" else ""
        )
        listed = settings.get("identitySource", default).split(",")
        self.sources = [source.strip() for source in listed if source.strip()]
        self.validation = settings.get("identityValidationExpression")
        self._grants: dict[tuple[str, ...], _Grant] = {}
        self._lock = Lock()

    def authorize(self, event: Mapping[str, Any], method_arn: str) -> dict[str, str]:
        """The authorizer context for a proxy event about to be delivered. Raises `Refused`."""
        identity = tuple(_identity(source, event) for source in self.sources)
        if not all(identity) or (self.validation and not re.fullmatch(self.validation, identity[0])):
            raise Refused("UNAUTHORIZED", "Unauthorized")
        with self._lock:
            grant = self._grants.get(identity)
        if grant is None or grant.expires <= time.monotonic():
            grant = self._ask(event, method_arn, identity)
            # As in AWS the grant is kept for the identity, not for the route: the next route is judged by it
            # too.
            if self.ttl > 0 and identity:
                with self._lock:
                    self._grants[identity] = grant
        _judge(grant.statements, method_arn)
        return dict(grant.context)

    def forget(self) -> None:
        """Empty the cache (AWS: flush-stage-authorizers-cache)."""
        with self._lock:
            self._grants.clear()

    def _ask(self, event: Mapping[str, Any], method_arn: str, identity: tuple[str, ...]) -> _Grant:
        question: dict[str, Any] = {"type": self.kind, "methodArn": method_arn}
        if self.kind == "TOKEN":
            question["authorizationToken"] = identity[0]
        else:
            question |= {key: value for key, value in event.items() if key not in ("body", "isBase64Encoded")}
        try:
            answer = self.functions.invoke(self.function, question)
        except FunctionError as error:
            if error.payload["errorMessage"] == "Unauthorized":
                raise Refused("UNAUTHORIZED", "Unauthorized") from None
            raise Refused("AUTHORIZER_FAILURE", "Internal server error") from error
        try:
            principal = str(answer["principalId"])
            statements = answer["policyDocument"]["Statement"]
            context = answer.get("context") or {}
            if any(isinstance(value, dict | list) for value in context.values()):
                raise TypeError("context values are plain")
        except (TypeError, KeyError, AttributeError) as error:
            raise Refused("AUTHORIZER_CONFIGURATION_ERROR", "Internal server error") from error
        plain = {key: _text(value) for key, value in context.items() if value is not None}
        return _Grant(
            context={"principalId": principal, **plain},
            statements=tuple(statements if isinstance(statements, list) else [statements]),
            expires=time.monotonic() + self.ttl,
        )


def function_of(uri: str) -> str:
    """The function's ARN in an integration or authorizer URI."""
    found = re.search(r"/functions/(arn:[^/]+)/invocations$", uri)
    if not found:
        raise StageError(f"integration {uri} is not a Lambda function")
    return found[1]


def _identity(source: str, event: Mapping[str, Any]) -> str:
    """The value of an identity source, "" where the request lacks it."""
    place, _, name = source.rpartition(".")
    if place == "method.request.header":
        return next((v for k, v in (event["headers"] or {}).items() if k.lower() == name.lower()), "")
    if place == "method.request.querystring":
        return (event["queryStringParameters"] or {}).get(name, "")
    if place == "context":
        return str(event["requestContext"].get(name, ""))
    raise StageError(f"identity source {source} is not known to the local stack")


def _judge(statements: tuple[Mapping[str, Any], ...], method_arn: str) -> None:
    effects = {
        statement.get("Effect")
        for statement in statements
        if _any_like(statement.get("Action"), "execute-api:Invoke")
        and _any_like(statement.get("Resource"), method_arn)
    }
    if "Deny" in effects:
        raise Refused("ACCESS_DENIED", "User is not authorized to access this resource with an explicit deny")
    if "Allow" not in effects:
        raise Refused("ACCESS_DENIED", "User is not authorized to access this resource")


def _any_like(patterns: Any, value: str) -> bool:
    """IAM's wildcards: `*` for any characters (slashes too), `?` for one."""
    for pattern in patterns if isinstance(patterns, list) else [patterns or ""]:
        expression = "".join(
            {"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern
        )
        if re.fullmatch(
            expression, value, re.IGNORECASE if pattern.lower().startswith("execute-api:") else 0
        ):
            return True
    return False


def _text(value: Any) -> str:
    """Context values reach a proxy integration as strings."""
    return str(value).lower() if isinstance(value, bool) else str(value)
