"""The gateway's authorizer."""

from functools import cache
from typing import Any

from identity.bearer import verify
from singlewindow import correlation, settings
from singlewindow.capability import Capability
from singlewindow.jwks import KeySet, Unbelievable
from singlewindow.parties import Caller

app = Capability("identity")


@app.authorize
def authorize(event: dict[str, Any]) -> dict[str, Any]:
    """Let a believable token through to the whole stage: its policy is cached across routes."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    with correlation.bound(headers.get("x-correlation-id")) as correlation_id:
        app.logger.set_correlation_id(correlation_id)
        try:
            caller = _caller(headers.get("authorization", ""))
        except Unbelievable as reason:
            app.logger.info("token refused", extra={"reason": str(reason)})
            raise Exception("Unauthorized") from None  # the gateway's word for 401
    stage = "/".join(event["methodArn"].split("/")[:2])
    return {
        "principalId": caller.subject,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{stage}/*"}],
        },
        "context": {
            "subject": caller.subject,
            "role": caller.role.value,
            "party": caller.party,
            "expires_at": str(caller.expires_at),
        },
    }


def _caller(authorization: str) -> Caller:
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "bearer":
        raise Unbelievable("no bearer token")
    keys = _keys(settings.get("OIDC_JWKS_URL"))
    return verify(token.strip(), keys, settings.get("OIDC_ISSUER"), settings.get("OIDC_AUDIENCE"))


@cache
def _keys(url: str) -> KeySet:
    return KeySet(url)
