"""The HTTP front."""

import base64
import http.client
import json
import subprocess
import sys
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from infra.stage import Stage


def call(
    stage: Stage, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(stage.url.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def echoed(
    stage: Stage, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    method = "POST" if body is not None else "GET"
    status, _, answer = call(stage, method, path, body, {"Authorization": "me"} | (headers or {}))
    assert status == 200
    return json.loads(answer)


def test_a_request_goes_through_to_the_table(stage: Stage) -> None:
    stage.client("dynamodb").put_item(TableName=stage.resource("Things"), Item={"name": {"S": "cup"}})
    assert call(stage, "GET", "/things/cup")[2] == b'{"row":{"name":{"S":"cup"}}}'
    assert call(stage, "GET", "/things/none")[0] == 404


def test_a_literal_segment_wins_over_a_parameter(stage: Stage) -> None:
    assert json.loads(call(stage, "GET", "/things/special")[2]) == {"route": "literal"}


def test_the_event_is_a_rest_proxy_event(stage: Stage) -> None:
    answer = echoed(
        stage, "/echo?a=1&a=2&b=%E4%B8%AD", headers={"X-Correlation-Id": "c-1", "x-Odd-CASE": "kept"}
    )
    event = answer["event"]
    assert answer["setting"] == "hello"
    assert event["resource"] == event["path"] == "/echo"
    assert event["queryStringParameters"] == {"a": "2", "b": "中"}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["中"]}
    assert event["headers"]["X-Correlation-Id"] == "c-1"
    assert event["headers"]["x-Odd-CASE"] == "kept"
    assert event["multiValueHeaders"]["X-Forwarded-Proto"] == ["http"]
    assert event["body"] is None
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert (context["resourcePath"], context["httpMethod"], context["path"]) == ("/echo", "GET", "/v1/echo")
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["authorizer"] == {"principalId": "me", "subject": "me", "grown": "true"}
    assert context["requestId"]


def test_binary_media_types_reach_the_handler_to_the_byte(stage: Stage) -> None:
    raw = "<申报/>".encode("gb18030")
    binary = echoed(stage, "/echo", raw, {"Content-Type": "application/xml; charset=GB18030"})["event"]
    assert binary["isBase64Encoded"] is True
    assert base64.b64decode(binary["body"]) == raw
    text = echoed(stage, "/echo", b'{"a":1}', {"Content-Type": "application/json"})["event"]
    assert (text["isBase64Encoded"], text["body"]) == (False, '{"a":1}')


def test_a_binary_answer_is_decoded_for_who_accepts_it(stage: Stage) -> None:
    assert call(stage, "GET", "/odd?how=binary", headers={"Accept": "application/xml"})[2] == b"\xd6\xd0"
    assert call(stage, "GET", "/odd?how=binary", headers={"Accept": "text/html"})[2] == b"1tA="


def test_repeated_headers_of_an_answer_stay_apart(stage: Stage) -> None:
    assert call(stage, "GET", "/odd?how=cookies")[1].get_all("Set-Cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("how", ["text", "extra", "none", "raise", "huge"])
def test_a_failed_or_malformed_answer_is_502(stage: Stage, how: str) -> None:
    status, headers, body = call(stage, "GET", f"/odd?how={how}")
    assert status == 502
    assert headers["X-Correlation-Id"]
    assert json.loads(body)["detail"] == "Internal server error"


def test_an_unknown_path_or_method_is_the_templates_404(stage: Stage) -> None:
    status, headers, body = call(stage, "GET", "/nowhere?x=1")
    assert (status, json.loads(body)) == (404, {"type": "not-found", "detail": "/v1/nowhere"})
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["X-Correlation-Id"] == headers["x-amzn-RequestId"]
    assert call(stage, "PUT", "/echo")[0] == 404


def test_an_oversized_request_is_413_before_anyone_sees_it(stage: Stage) -> None:
    before = stage.functions.invocations.get("ProbeApi", 0)
    status, _, body = call(
        stage, "POST", "/echo", b"x" * (10 * 1024 * 1024 + 1), {"Content-Type": "text/plain"}
    )
    assert (status, json.loads(body)["type"]) == (413, "REQUEST_TOO_LARGE")
    status, _, body = call(stage, "POST", "/echo", b"x" * (7 * 1024 * 1024), {"Content-Type": "text/plain"})
    assert (status, json.loads(body)["type"]) == (413, "REQUEST_TOO_LARGE")
    assert stage.functions.invocations.get("ProbeApi", 0) == before


def test_a_throttled_method_is_429_and_its_neighbours_are_not(stage: Stage) -> None:
    statuses = [call(stage, "DELETE", "/odd?how=cookies")[0] for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert call(stage, "GET", "/odd?how=cookies")[0] == 200


def test_a_missing_identity_is_401_without_asking_the_authorizer(stage: Stage, probe: Any) -> None:
    assert call(stage, "GET", "/echo")[0] == 401
    assert probe.seen == []


@pytest.mark.parametrize(
    ("token", "status", "kind"),
    [
        ("nobody", 401, "UNAUTHORIZED"),
        ("broken", 500, "AUTHORIZER_FAILURE"),
        ("banned", 403, "ACCESS_DENIED"),
    ],
)
def test_what_the_authorizer_says_decides(stage: Stage, token: str, status: int, kind: str) -> None:
    answered, headers, body = call(stage, "GET", "/echo", headers={"Authorization": token})
    assert (answered, json.loads(body)["type"]) == (status, kind)
    assert headers["X-Correlation-Id"]


def test_a_cached_policy_is_applied_to_other_routes_too(stage: Stage, probe: Any) -> None:
    assert call(stage, "GET", "/echo", headers={"Authorization": "narrow"})[0] == 200
    assert call(stage, "GET", "/guarded/x", headers={"Authorization": "narrow"})[0] == 403
    assert len(probe.seen) == 1
    asked = probe.seen[0]
    assert asked["type"] == "REQUEST"
    assert asked["methodArn"].endswith("/v1/GET/echo")
    assert "body" not in asked


def test_a_preflight_is_answered_as_sam_generates_it(stage: Stage) -> None:
    status, headers, _ = call(stage, "OPTIONS", "/echo", headers={"Origin": "http://x"})
    assert status == 200
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Allow-Headers"] == "Authorization,Content-Type"
    assert headers["Access-Control-Allow-Methods"] == "GET,OPTIONS,POST"
    assert headers["Access-Control-Max-Age"] == "600"


def test_local_routes_are_plugged_in_beside_the_template(stage: Stage) -> None:
    def behaviour(request: Request, agency: str) -> Response:
        return Response(f"{request.method} {agency}")

    stage.gateway.local_routes["/_local/agencies/{agency}/behaviour"] = behaviour
    assert call(stage, "PUT", "/_local/agencies/customs/behaviour")[2] == b"PUT customs"
    assert call(stage, "GET", "/_local/other")[0] == 404
    del stage.gateway.local_routes["/_local/agencies/{agency}/behaviour"]


def test_a_real_client_in_another_process_reads_and_writes_the_queues(stage: Stage, probe: Any) -> None:
    code = f"""
import boto3
sqs = boto3.client("sqs", endpoint_url="{stage.aws_url}", region_name="cn-northwest-1",
                   aws_access_key_id="any", aws_secret_access_key="thing")
url = sqs.get_queue_url(QueueName="singlewindow-inbox")["QueueUrl"]
assert url.startswith("{stage.aws_url}/"), url
sqs.send_message(QueueUrl=url, MessageBody="from outside")
elsewhere = sqs.get_queue_url(QueueName="singlewindow-Elsewhere")["QueueUrl"]
(message,) = sqs.receive_message(QueueUrl=elsewhere, WaitTimeSeconds=5)["Messages"]
sqs.delete_message(QueueUrl=elsewhere, ReceiptHandle=message["ReceiptHandle"])
print(message["Body"])
"""
    stage.client("sqs").send_message(QueueUrl=stage.resource("Elsewhere"), MessageBody="from inside")
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert other.stdout == "from inside\n", other.stderr
    stage.settle()
    assert [record["body"] for record in probe.seen] == ["from outside"]
