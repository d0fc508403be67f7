"""The gateway's own definition: OpenAPI 3.0.1, which is what it imports, one `aws_proxy` an operation.

Schemas stay out: views judge bodies, and the gateway's models know less JSON Schema than they need.
"""

import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from infra.synth.capabilities import Capability, Function, Route, pascal
from singlewindow.access import NO_TOKEN, PUBLIC
from singlewindow.capability import BINARY_TYPES
from singlewindow.errors import PROBLEM_JSON

AUTHORIZER_SECONDS = 300
_ARN = "arn:${{AWS::Partition}}:{}:${{AWS::Region}}"
_PARAMETER = re.compile(r"\{(\w+)\+?\}")

_FAILED = (500, "internal", "the window failed; nothing was lost, try again", "系统内部错误，请稍后重试")
_NO_TOKEN = (401, "unauthorized", *NO_TOKEN)
_NO_PATH = (404, "not-found", "there is no such path or method", "路径或方法不存在")

# What the gateway answers by itself: (type, status, our code, English, Chinese).
_OWN_ANSWERS = {
    "ACCESS_DENIED": (403, "forbidden", "the token does not open this", "令牌无权访问"),
    "API_CONFIGURATION_ERROR": _FAILED,
    "AUTHORIZER_CONFIGURATION_ERROR": _FAILED,
    "AUTHORIZER_FAILURE": (500, "internal", "the token was not judged; try again", "令牌校验失败"),
    "BAD_REQUEST_BODY": (400, "bad-request", "the body is not readable", "报文无法读取"),
    "BAD_REQUEST_PARAMETERS": (400, "bad-request", "a parameter is not readable", "参数无法读取"),
    "DEFAULT_4XX": (None, "refused", "the gateway refused the request", "网关拒绝了请求"),
    "DEFAULT_5XX": (None, *_FAILED[1:]),
    "EXPIRED_TOKEN": _NO_TOKEN,
    "INTEGRATION_FAILURE": (502, "bad-gateway", "the window did not answer; try again", "系统未应答"),
    "INTEGRATION_TIMEOUT": (504, "timeout", "no answer in time; ask for the state", "应答超时"),
    "INVALID_API_KEY": (403, "forbidden", "the key does not open this", "密钥无权访问"),
    "INVALID_SIGNATURE": _NO_TOKEN,
    # What the gateway says of a path or method that it does not have.
    "MISSING_AUTHENTICATION_TOKEN": _NO_PATH,
    "QUOTA_EXCEEDED": (429, "too-many-requests", "the quota is used up", "配额已用尽"),
    "REQUEST_TOO_LARGE": (
        413,
        "too-large",
        "a request may have 10 MB: what is larger comes by upload",
        "请求超过 10 MB，请改用上传",
    ),
    "RESOURCE_NOT_FOUND": _NO_PATH,
    "THROTTLED": (429, "too-many-requests", "too many requests; wait a moment", "请求过于频繁，请稍候"),
    "UNAUTHORIZED": _NO_TOKEN,
    "UNSUPPORTED_MEDIA_TYPE": (415, "unsupported-media-type", "content type unknown", "未知类型"),
    "WAF_FILTERED": (403, "forbidden", "the firewall refused the request", "防火墙拒绝了请求"),
}


def body(capabilities: Iterable[Capability], title: str) -> dict[str, Any]:
    """The `DefinitionBody`. Raises `LookupError` where routes want a token and nobody judges tokens."""
    capabilities = list(capabilities)
    functions = [function for capability in capabilities for function in capability.functions]
    authorizer = next((f for f in functions if f.trigger and f.trigger.kind == "authorizer"), None)
    paths: dict[str, dict[str, Any]] = {}
    for capability in capabilities:
        for route in capability.routes:
            if route.access.allow is not PUBLIC and authorizer is None:
                raise LookupError(f"{route.method} {route.path} wants a token, and nobody judges tokens")
            methods = paths.setdefault(route.path, {})
            if route.method.lower() in methods:
                raise LookupError(f"{route.method} {route.path} is declared twice")
            methods[route.method.lower()] = _operation(route)
    definition: dict[str, Any] = {
        "openapi": "3.0.1",
        "info": {"title": title, "version": "1.0"},
        "paths": dict(sorted(paths.items())),
        "x-amazon-apigateway-binary-media-types": list(BINARY_TYPES),
        "x-amazon-apigateway-gateway-responses": {
            kind: _own_answer(*answer) for kind, answer in _OWN_ANSWERS.items()
        },
    }
    if authorizer:
        definition["components"] = {"securitySchemes": {"token": _security_scheme(authorizer)}}
    return definition


def permissions(functions: Iterable[Function]) -> dict[str, Any]:
    """The gateway's right to call the functions behind routes, and the authorizer."""
    return {
        f"{function.logical_id}Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": function.logical_id},
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": {"Fn::Sub": _ARN.format("execute-api") + ":${AWS::AccountId}:${WindowApi}/*"},
            },
        }
        for function in functions
        if function.trigger is None or function.trigger.kind == "authorizer"
    }


def throttles(routes: Iterable[Route]) -> list[dict[str, Any]]:
    """Method settings of the routes that ask for a throttle of their own."""
    return [
        {
            "ResourcePath": "/" + route.path.replace("/", "~1"),
            "HttpMethod": route.method,
            "MetricsEnabled": True,
            "ThrottlingRateLimit": route.access.throttle.rate,
            "ThrottlingBurstLimit": route.access.throttle.burst,
        }
        for route in routes
        if route.access.throttle
    ]


def path_parameters(path: str) -> list[str]:
    return _PARAMETER.findall(path)


def _invocation(logical_id: str) -> dict[str, str]:
    service = f"{_ARN.format('apigateway')}:lambda:path/2015-03-31/functions"
    return {"Fn::Sub": f"{service}/${{{logical_id}.Arn}}/invocations"}


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation_id,
        "summary": route.access.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in path_parameters(route.path)
        ],
        "responses": {"default": {"description": "see docs/openapi.json"}},
        "x-amazon-apigateway-integration": {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": _invocation(f"{pascal(route.capability)}Api"),
        },
    }
    if route.access.allow is not PUBLIC:
        operation["security"] = [{"token": []}]
    return operation


def _security_scheme(authorizer: Function) -> dict[str, Any]:
    return {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "custom",
        "x-amazon-apigateway-authorizer": {
            # With an identity source the gateway answers 401 by itself when the header is missing.
            "type": "request",
            "identitySource": "method.request.header.Authorization",
            "authorizerUri": _invocation(authorizer.logical_id),
            "authorizerResultTtlInSeconds": AUTHORIZER_SECONDS,
        },
    }


def _own_answer(status: int | None, code: str, english: str, chinese: str) -> dict[str, Any]:
    """One gateway response. Templates know `$context` alone; a default's status shows when it happens."""
    problem: dict[str, Any] = {
        "type": f"urn:singlewindow:problem:{code}",
        "title": HTTPStatus(status).phrase if status else "$context.error.responseType",
        **({"status": status} if status else {}),
        "detail": english,
        "instance": "$context.path",
        "code": code,
        "correlation_id": "$context.requestId",
        "detail_zh": chinese,
    }
    headers = {
        "Access-Control-Allow-Origin": "'*'",
        "Access-Control-Expose-Headers": "'X-Correlation-Id,Retry-After'",
        "Content-Type": f"'{PROBLEM_JSON}'",
        "X-Correlation-Id": "context.requestId",
        **({"Retry-After": "'1'"} if status == 429 else {}),
        **({"WWW-Authenticate": "'Bearer'"} if status == 401 else {}),
    }
    return {
        **({"statusCode": str(status)} if status else {}),
        "responseParameters": {f"gatewayresponse.header.{name}": value for name, value in headers.items()},
        "responseTemplates": {"application/json": json.dumps(problem)},
    }
