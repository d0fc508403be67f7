"""What a `use` of the manifest means: environment variables and IAM statements, from the same line.

A capability that doesn't declare a use has neither the right nor the name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Any


@dataclass(frozen=True)
class Grant:
    """Variables, and `actions` on `targets` (CloudFormation); `owns`: one capability alone may have it."""

    env: Mapping[str, Json]
    actions: tuple[str, ...] = ()
    targets: tuple[Json, ...] = ()
    owns: bool = False


Verbs = Mapping[str, Grant]

_READ = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")
# A transaction needs the rights of its parts; there is no TransactWriteItems in IAM.
_PUT = ("dynamodb:ConditionCheckItem", "dynamodb:PutItem", "dynamodb:UpdateItem")


def _arn(logical_id: str) -> Json:
    return {"Fn::GetAtt": [logical_id, "Arn"]}


def _ledger() -> Verbs:
    """Shared by all and append-only: no verb deletes."""
    env, table = {"LEDGER_TABLE": {"Ref": "LedgerTable"}}, (_arn("LedgerTable"),)
    return {"read": Grant(env, _READ, table), "append": Grant(env, _READ + _PUT, table)}


def _table(name: str) -> Verbs:
    """`table:in-transit` is InTransitTable of the owner's resources.yaml, found as IN_TRANSIT_TABLE."""
    logical_id = "".join(part.capitalize() for part in name.split("-")) + "Table"
    env = {f"{name.upper().replace('-', '_')}_TABLE": {"Ref": logical_id}}
    table = (_arn(logical_id),)
    write = (*_READ, *_PUT, "dynamodb:BatchWriteItem")
    index = ({"Fn::Sub": f"${{{logical_id}.Arn}}/index/*"},)
    return {
        "read": Grant(env, _READ, table),
        "index": Grant(env, ("dynamodb:Query",), index),
        "write": Grant(env, write, table, owns=True),
    }


def _agencies() -> Verbs:
    """`label`: to say of which agencies nobody real is there. The deployment knows; no program can."""
    return {"label": Grant({"SIMULATED_AGENCIES": {"Ref": "SimulatedAgencies"}})}


def _archive() -> Verbs:
    env, objects = {"ARCHIVE_BUCKET": {"Ref": "ArchiveBucket"}}, ({"Fn::Sub": "${ArchiveBucket.Arn}/*"},)
    read = ("s3:GetObject",)
    return {"read": Grant(env, read, objects), "write": Grant(env, (*read, "s3:PutObject"), objects)}


def _uploads() -> Verbs:
    """`take`: to give out addresses to upload to, and to read what came."""
    env, objects = {"UPLOADS_BUCKET": {"Ref": "UploadsBucket"}}, ({"Fn::Sub": "${UploadsBucket.Arn}/*"},)
    return {"take": Grant(env, ("s3:GetObject", "s3:PutObject"), objects)}


def _drop() -> Verbs:
    """`take`: what parties put into `<party>/in/`, and the answers to it; `put`: files for them into `<party>/out/`."""
    env = {"DROP_BUCKET": {"Ref": "DropBucket"}}
    ours = ({"Fn::Sub": "${DropBucket.Arn}/*/in/*"}, {"Fn::Sub": "${DropBucket.Arn}/*/receipts/*"})
    take = ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject")
    return {
        "take": Grant(env, take, ours, owns=True),
        "put": Grant(env, ("s3:PutObject",), ({"Fn::Sub": "${DropBucket.Arn}/*/out/*"},)),
    }


def _signatures() -> Verbs:
    """`verify`: modules that know algorithms (software, a card, an HSM, SM2); `sign`: the window's own key."""
    key = _arn("SigningKey")
    return {
        "verify": Grant({"SIGNATURE_PROVIDERS": {"Ref": "SignatureProviders"}}),
        "sign": Grant({"SIGNING_KEY": key}, ("kms:GetPublicKey", "kms:Sign"), (key,), owns=True),
    }


def _topic(env_name: str, logical_id: str) -> Verbs:
    topic = {"Ref": logical_id}
    return {"publish": Grant({env_name: topic}, ("sns:Publish",), (topic,))}


def _workflow(name: str) -> Verbs:
    """By its name, never by reference: functions start workflows, and workflows call functions."""
    stack = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:${AWS::StackName}"
    machine = {"Fn::Sub": f"{stack}-{name}"}
    env = {f"{name.upper().replace('-', '_')}_WORKFLOW": machine}
    tokens = ("states:SendTaskSuccess",)
    return {
        "start": Grant(env, ("states:StartExecution",), (machine,)),
        # A token finds its way by itself: no name needed.
        "complete": Grant({}, tokens, (machine,)),
    }


def _queue(name: str) -> Verbs:
    """`queue:ingest` is IngestQueue of the owner's resources.yaml, found as INGEST_QUEUE; who reads a queue is who
    names it as a trigger."""
    logical_id = "".join(part.capitalize() for part in name.split("-")) + "Queue"
    env = {f"{name.upper().replace('-', '_')}_QUEUE": {"Ref": logical_id}}
    return {"send": Grant(env, ("sqs:SendMessage",), (_arn(logical_id),), owns=True)}


def _timers(name: str) -> Verbs:
    """`timers:inspections:set`: to be called by `on_timer` of the capability of that name, and by nobody else's."""
    logical_id = "".join(part.capitalize() for part in name.split("-")) + "Timers"
    group, role = {"Ref": f"{logical_id}Group"}, _arn(f"{logical_id}Role")
    stack = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule"
    own = {"Fn::Sub": f"{stack}/${{{logical_id}Group}}/*"}
    env = {"TIMERS_GROUP": group, "TIMERS_QUEUE": _arn(logical_id), "TIMERS_ROLE": role}
    return {"set": Grant(env, ("iam:PassRole", "scheduler:CreateSchedule"), (own, role), owns=True)}


def _webhooks() -> Verbs:
    """`post`: where webhooks may go and how long they wait."""
    return {
        "post": Grant(
            {"PRIVATE_WEBHOOKS": {"Ref": "PrivateWebhooks"}, "WEBHOOK_DELAY_CAP": {"Ref": "WebhookDelayCap"}}
        )
    }


def _bank_orders() -> Verbs:
    """`sign`: by the key of the orders to banks, and to show its public half."""
    key = _arn("BankOrdersKey")
    actions = ("kms:GetPublicKey", "kms:Sign")
    return {"sign": Grant({"BANK_ORDERS_KEY": key}, actions, (key,), owns=True)}


def _secrets(name: str) -> Verbs:
    """`secrets:webhook` follow from WebhookSecretsKey of the owner's resources.yaml, found as WEBHOOK_SECRETS_KEY."""
    key = _arn("".join(part.capitalize() for part in name.split("-")) + "SecretsKey")
    env = {f"{name.upper().replace('-', '_')}_SECRETS_KEY": key}
    return {"derive": Grant(env, ("kms:GenerateMac",), (key,), owns=True)}


def _dead_letters(queues: Sequence[str]) -> Verbs:
    """`redrive`: to count what lies in the stack's dead-letter queues, by their short names, and to put it back."""
    stack = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}"
    named = [name for queue in queues for name in (queue, queue.removesuffix("-dlq"))]
    actions = (
        "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:SendMessage",
    )  # fmt: skip
    targets = tuple({"Fn::Sub": f"{stack}-{name}"} for name in named)
    return {"redrive": Grant({"DEAD_LETTER_QUEUES": " ".join(queues)}, actions, targets, owns=True)}


def _oidc() -> Verbs:
    parameters = {
        "OIDC_ISSUER": "OidcIssuer",
        "OIDC_AUDIENCE": "OidcAudience",
        "OIDC_JWKS_URL": "OidcJwksUrl",
    }
    return {"verify": Grant({name: {"Ref": parameter} for name, parameter in parameters.items()})}


def _partners() -> Verbs:
    """`verify`: signatures of customs, banks and the treasury, by the trust list."""
    return {"verify": Grant({"PARTNERS_JWKS_URL": {"Ref": "PartnersJwksUrl"}})}


_RESOURCES: dict[str, Verbs] = {
    "ledger": _ledger(),
    "archive": _archive(),
    "uploads": _uploads(),
    "events": _topic("EVENTS_TOPIC", "EventsTopic"),
    "agency-messages": _topic("MESSAGES_TOPIC", "MessagesTopic"),
    "oidc": _oidc(),
    "partners": _partners(),
    "bank-orders": _bank_orders(),
    "webhooks": _webhooks(),
    "drop": _drop(),
    "signatures": _signatures(),
    "agencies": _agencies(),
}
_NAMED = {"table": _table, "queue": _queue, "secrets": _secrets, "timers": _timers, "workflow": _workflow}


def find(use: str, dead_letters: Sequence[str] = ()) -> Grant:
    """What `use` grants, in a stack with these dead-letter queues; raises `LookupError` with what there is."""
    name, _, verb = use.rpartition(":")
    kind, _, own_name = name.partition(":")
    resources = _RESOURCES | {"dead-letters": _dead_letters(dead_letters)}
    verbs = _NAMED[kind](own_name) if kind in _NAMED and own_name else resources.get(name)
    if verbs is None:
        known = ", ".join([*(f"{kind}:<name>" for kind in _NAMED), *resources])
        raise LookupError(f"{use!r}: no resource {name!r}; known: {known}")
    if verb not in verbs:
        raise LookupError(f"{use!r}: {name} has no verb {verb!r}; known: {', '.join(verbs)}")
    return verbs[verb]


def environment(uses: Iterable[str], dead_letters: Sequence[str] = ()) -> dict[str, Json]:
    """The variables of these uses."""
    return {name: value for use in uses for name, value in find(use, dead_letters).env.items()}


def statements(uses: Iterable[str], dead_letters: Sequence[str] = ()) -> list[Json]:
    """The IAM statements of these uses, one a use."""
    grants = [find(use, dead_letters) for use in uses]
    return [
        {"Effect": "Allow", "Action": list(grant.actions), "Resource": list(grant.targets)}
        for grant in grants
        if grant.actions
    ]
