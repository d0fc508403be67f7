"""Creating a template's resources on moto, in the order of their references.

Each type has a row in `_KINDS`: the properties that are honoured, those without an effect here (`inert`), and
what creates it. A type or property in neither is a `StageError`: what the stage does not know it does not
pass over.

Inert here and enforced only in AWS: IAM (functions' `Policies`, roles, key policies, bucket policies),
encryption, tags, tracing, log retention, lifecycle and TTL expiry, alarms' state. Queue policies are enforced
as far as SNS goes: a subscription whose queue does not admit its topic is an error, as is an API whose
function does not admit the gateway.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from infra.stage.functions import Function
from infra.stage.template import ACCOUNT, PARTITION, REGION, StageError, Template, load_yaml


@dataclass(frozen=True, slots=True)
class Mapped:
    """An event source mapping: what the pollers run. `kind`: SQS, DynamoDB, Schedule."""

    logical_id: str
    kind: str
    function: str
    source: str
    options: Mapping[str, Any]


@dataclass(slots=True)
class Created:
    """What stands after creation, beside what moto holds itself."""

    functions: list[Function] = field(default_factory=list)
    mappings: list[Mapped] = field(default_factory=list)
    queues: dict[str, str] = field(default_factory=dict)  # logical id → queue name
    tables: dict[str, str] = field(default_factory=dict)  # logical id → table name
    machines: dict[str, str] = field(default_factory=dict)  # logical id → ARN
    dead_letter_queues: set[str] = field(default_factory=set)  # logical ids
    apis: dict[str, dict[str, Any]] = field(default_factory=dict)  # logical id → properties and `RestApiId`
    invokers: set[tuple[str, str]] = field(default_factory=set)  # (function name, principal)


class Builder:
    """Creates everything in `template`; relative paths in it are under `root`."""

    def __init__(self, template: Template, root: Path) -> None:
        self.template = template
        self.root = root
        self.created = Created()
        self._clients: dict[str, Any] = {}
        self._subscriptions: list[tuple[str, str, str]] = []
        self._policies: dict[str, Any] = {}
        self._redrives: list[dict[str, Any]] = []

    def client(self, service: str) -> Any:
        """One client a service and stage, for our region."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                region_name=REGION,
                config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
            )
        return self._clients[service]

    def build(self) -> Created:
        self.role = self.client("iam").create_role(
            RoleName=f"{self.template.stack}-local", AssumeRolePolicyDocument="{}", Path="/"
        )["Role"]["Arn"]
        for logical_id, resource in self.template.in_order():
            ref, attributes = self._create(logical_id, resource)
            self.template.created(logical_id, ref, attributes)
        self._check_admissions()
        self._name_dead_letter_queues()
        return self.created

    def _create(self, logical_id: str, resource: dict[str, Any]) -> "Made":
        kind = _KINDS.get(resource["Type"])
        if kind is None:
            raise StageError(f"{logical_id}: the local stack does not know type {resource['Type']}")
        where = f"{logical_id} ({resource['Type']})"
        _refuse_unknown(where, "attribute", set(resource) - _RESOURCE_ATTRIBUTES)
        properties = self.template.resolve(resource.get("Properties") or {})
        _refuse_unknown(where, "property", set(properties) - kind.honoured - kind.inert)
        try:
            return kind.create(self, logical_id, properties)
        except StageError:
            raise
        except Exception as error:
            raise StageError(f"{where}: {error}") from error

    def _name(self, logical_id: str, given: str | None) -> str:
        return given or f"{self.template.stack}-{logical_id}"

    def _check_admissions(self) -> None:
        """AWS drops what a policy does not admit without a word; here the start fails and says so."""
        for logical_id, topic, queue in self._subscriptions:
            if not _admits(self._policies.get(queue), "sns.amazonaws.com", "sqs:SendMessage", topic):
                raise StageError(f"{logical_id}: no queue policy lets {topic} send to {queue}")
        known = {function.arn: function.name for function in self.created.functions}
        for logical_id, api in self.created.apis.items():
            for arn in sorted(set(_FUNCTION_ARN.findall(json.dumps(api["DefinitionBody"])))):
                if arn not in known:
                    raise StageError(f"{logical_id}: integration with {arn}, which is not in the template")
                if (known[arn], "apigateway.amazonaws.com") not in self.created.invokers:
                    raise StageError(
                        f"{logical_id}: no AWS::Lambda::Permission lets the gateway invoke {known[arn]}"
                    )

    def _name_dead_letter_queues(self) -> None:
        """A queue is a dead-letter queue if a redrive policy, or a failed stream batch, ends there."""
        arns = {_queue_arn(name): logical_id for logical_id, name in self.created.queues.items()}
        targets = [mapping.options.get("failure_destination") for mapping in self.created.mappings]
        targets += [redrive["deadLetterTargetArn"] for redrive in self._redrives]
        self.created.dead_letter_queues = {arns[arn] for arn in targets if arn in arns}

    # --- functions ------------------------------------------------------------------------------------------

    def functions(self) -> Iterator[Function]:
        """Every function as a deployment would make it now."""
        for function in self.created.functions:
            properties = self.template.resources[function.logical_id].get("Properties") or {}
            yield self._function(function.logical_id, self.template.resolve(properties))

    def _function(self, logical_id: str, p: dict[str, Any]) -> Function:
        name = self._name(logical_id, p.get("FunctionName"))
        capability = Path(p["CodeUri"]).name
        handler = p["Handler"]
        environment = {str(k): str(v) for k, v in (p.get("Environment") or {}).get("Variables", {}).items()}
        return Function(
            logical_id=logical_id,
            name=name,
            arn=f"arn:{PARTITION}:lambda:{REGION}:{ACCOUNT}:function:{name}",
            # The package of a capability lies at the top of the archive: `declarations.app.app`, or plain
            # `app.app`.
            handler=handler if handler.split(".")[0] == capability else f"{capability}.{handler}",
            environment={key: self._local_path(value) for key, value in environment.items()}
            | _runtime_variables(name, p),
            timeout=int(p.get("Timeout", 3)),
            memory=int(p.get("MemorySize", 128)),
            concurrent=any(
                "ScalingConfig" in (e.get("Properties") or {}) for e in (p.get("Events") or {}).values()
            ),
        )

    def function(self, logical_id: str, p: dict[str, Any]) -> "Made":
        function = self._function(logical_id, p)
        self.client("lambda").create_function(
            FunctionName=function.name,
            Runtime=p.get("Runtime", "python3.12"),
            Role=self.role,
            Handler=function.handler,
            Timeout=function.timeout,
            MemorySize=function.memory,
            Environment={"Variables": dict(function.environment)},
            Code={"ZipFile": b"the code runs from the repository"},
        )
        self.created.functions.append(function)
        for event_id, event in (p.get("Events") or {}).items():
            self.created.mappings.append(self._mapping(logical_id, event_id, event))
        return function.name, {"Arn": function.arn}

    def _local_path(self, value: str) -> str:
        """The layer is not unpacked here: what lies under /opt there lies under the repository here."""
        return str(self.root / value.removeprefix("/opt/")) if value.startswith("/opt/") else value

    def _mapping(self, function: str, event_id: str, event: dict[str, Any]) -> Mapped:
        kind, p = event["Type"], event.get("Properties") or {}
        where = f"{function}.{event_id}"
        if kind not in _EVENTS:
            raise StageError(f"{where}: the local stack does not know event type {kind}")
        _refuse_unknown(f"{where} ({kind})", "property", set(p) - _EVENTS[kind])
        destination = (p.get("DestinationConfig") or {}).get("OnFailure") or {}
        options = {
            "enabled": str(p.get("Enabled", True)).lower() != "false"
            and p.get("State", "ENABLED") != "DISABLED",
            "batch_size": int(p.get("BatchSize", 10 if kind == "SQS" else 100)),
            "window": float(p.get("MaximumBatchingWindowInSeconds", 0)),
            "partial": "ReportBatchItemFailures" in p.get("FunctionResponseTypes", []),
            "filters": [
                json.loads(each["Pattern"]) for each in (p.get("FilterCriteria") or {}).get("Filters", [])
            ],
            "bisect": bool(p.get("BisectBatchOnFunctionError", False)),
            "concurrency": int((p.get("ScalingConfig") or {}).get("MaximumConcurrency", 1)),
            "attempts": int(p.get("MaximumRetryAttempts", -1)),
            "latest": p.get("StartingPosition") == "LATEST",
            "failure_destination": destination.get("Destination"),
            "schedule": p.get("Schedule") or p.get("ScheduleExpression"),
            "input": p.get("Input"),
        }
        return Mapped(
            where,
            "Schedule" if kind == "ScheduleV2" else kind,
            function,
            p.get("Queue") or p.get("Stream") or "",
            options,
        )

    def layer(self, logical_id: str, p: dict[str, Any]) -> "Made":
        name = self._name(logical_id, p.get("LayerName"))
        return f"arn:{PARTITION}:lambda:{REGION}:{ACCOUNT}:layer:{name}:1", {}

    def permission(self, logical_id: str, p: dict[str, Any]) -> "Made":
        if p["Action"] != "lambda:InvokeFunction":
            raise StageError(f"{logical_id}: action {p['Action']} is not known to the local stack")
        self.created.invokers.add((p["FunctionName"].split(":function:")[-1], p["Principal"]))
        return logical_id, {}

    def api(self, logical_id: str, p: dict[str, Any]) -> "Made":
        # Ten characters, as in AWS, and the same at every start.
        rest_api_id = re.sub("[^a-z0-9]", "", f"{self.template.stack}{logical_id}".lower())[:10]
        self.created.apis[logical_id] = p | {"RestApiId": rest_api_id}
        return rest_api_id, {"RootResourceId": "root"}

    def state_machine(self, logical_id: str, p: dict[str, Any]) -> "Made":
        name = self._name(logical_id, p.get("Name"))
        if p.get("Type", "STANDARD") != "STANDARD":
            raise StageError(f"{logical_id}: only STANDARD state machines run here")
        path = self.root / p["DefinitionUri"]
        try:
            definition = path.read_text(encoding="utf-8")
        except OSError as error:
            raise StageError(f"{logical_id}: {error}") from None
        for placeholder, value in (p.get("DefinitionSubstitutions") or {}).items():
            definition = definition.replace(f"${{{placeholder}}}", str(value))
        left = sorted(set(re.findall(r"\$\{[^}]+}", definition)))
        if left:
            raise StageError(f"{logical_id}: {path.name} names {', '.join(left)}, which nothing substitutes")
        if path.suffix in (".yaml", ".yml"):
            definition = json.dumps(load_yaml(path))
        if '"Heartbeat' in definition:
            raise StageError(f"{logical_id}: moto's heartbeats cannot be trusted")
        _check_states(logical_id, json.loads(definition))
        arn = self.client("stepfunctions").create_state_machine(
            name=name, definition=definition, roleArn=self.role
        )["stateMachineArn"]
        self.created.machines[logical_id] = arn
        return arn, {"Arn": arn, "Name": name}

    # --- messages -------------------------------------------------------------------------------------------

    def queue(self, logical_id: str, p: dict[str, Any]) -> "Made":
        name = self._name(logical_id, p.get("QueueName"))
        if str(p.get("FifoQueue", False)).lower() == "true":
            raise StageError(
                f"{logical_id}: moto's FIFO queues redeliver wrongly; only standard queues run here"
            )
        attributes = {key: str(p[key]) for key in _QUEUE_ATTRIBUTES if key in p}
        if "RedrivePolicy" in p:
            self._redrives.append(p["RedrivePolicy"])
            attributes["RedrivePolicy"] = json.dumps(p["RedrivePolicy"])
        url = self.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.created.queues[logical_id] = name
        return url, {"Arn": _queue_arn(name), "QueueName": name, "QueueUrl": url}

    def queue_policy(self, logical_id: str, p: dict[str, Any]) -> "Made":
        for url in p["Queues"]:
            arn = _queue_arn(url.rsplit("/", 1)[-1])
            # The last policy set is the queue's policy, in AWS too: two resources for one queue overwrite
            # each other.
            if arn in self._policies:
                raise StageError(f"{logical_id}: {arn} has a policy already")
            self._policies[arn] = p["PolicyDocument"]
            self.client("sqs").set_queue_attributes(
                QueueUrl=url, Attributes={"Policy": json.dumps(p["PolicyDocument"])}
            )
        return logical_id, {}

    def topic(self, logical_id: str, p: dict[str, Any]) -> "Made":
        name = self._name(logical_id, p.get("TopicName"))
        if str(p.get("FifoTopic", False)).lower() == "true":
            raise StageError(f"{logical_id}: only standard topics run here")
        attributes = {key: str(p[key]) for key in ("DisplayName", "KmsMasterKeyId") if key in p}
        arn = self.client("sns").create_topic(Name=name, Attributes=attributes)["TopicArn"]
        return arn, {"TopicArn": arn, "TopicName": name}

    def topic_policy(self, logical_id: str, p: dict[str, Any]) -> "Made":
        for arn in p["Topics"]:
            self.client("sns").set_topic_attributes(
                TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(p["PolicyDocument"])
            )
        return logical_id, {}

    def subscription(self, logical_id: str, p: dict[str, Any]) -> "Made":
        if p["Protocol"] != "sqs":
            raise StageError(f"{logical_id}: protocol {p['Protocol']} is not known to the local stack")
        sns = self.client("sns")
        arn = sns.subscribe(
            TopicArn=p["TopicArn"], Protocol="sqs", Endpoint=p["Endpoint"], ReturnSubscriptionArn=True
        )["SubscriptionArn"]
        if str(p.get("RawMessageDelivery", False)).lower() == "true":
            sns.set_subscription_attributes(
                SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true"
            )
        for key in (
            "FilterPolicyScope",
            "FilterPolicy",
            "RedrivePolicy",
        ):  # the scope says how to read the policy
            if key in p:
                value = p[key] if isinstance(p[key], str) else json.dumps(p[key])
                sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=key, AttributeValue=value)
        self._subscriptions.append((logical_id, p["TopicArn"], p["Endpoint"]))
        if "RedrivePolicy" in p:
            self._redrives.append(p["RedrivePolicy"])
        return arn, {}

    # --- storage --------------------------------------------------------------------------------------------

    def table(self, logical_id: str, p: dict[str, Any]) -> "Made":
        name = self._name(logical_id, p.get("TableName"))
        dynamodb = self.client("dynamodb")
        wanted = {key: p[key] for key in _TABLE_ATTRIBUTES if key in p}
        if "StreamSpecification" in p:
            wanted["StreamSpecification"] = {"StreamEnabled": True, **p["StreamSpecification"]}
        description = dynamodb.create_table(TableName=name, **wanted)["TableDescription"]
        if "TimeToLiveSpecification" in p:
            dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=p["TimeToLiveSpecification"])
        self.created.tables[logical_id] = name
        attributes = {"Arn": description["TableArn"]}
        if "LatestStreamArn" in description:
            attributes["StreamArn"] = description["LatestStreamArn"]
        return name, attributes

    def bucket(self, logical_id: str, p: dict[str, Any]) -> "Made":
        name = self._name(logical_id, p.get("BucketName")).lower()
        s3 = self.client("s3")
        locked = str(p.get("ObjectLockEnabled", False)).lower() == "true"
        s3.create_bucket(
            Bucket=name,
            CreateBucketConfiguration={"LocationConstraint": REGION},
            ObjectLockEnabledForBucket=locked,
        )
        if "VersioningConfiguration" in p:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=p["VersioningConfiguration"])
        if "ObjectLockConfiguration" in p:
            if not locked:
                raise StageError(f"{logical_id}: ObjectLockConfiguration needs ObjectLockEnabled")
            s3.put_object_lock_configuration(
                Bucket=name, ObjectLockConfiguration=p["ObjectLockConfiguration"]
            )
        if "NotificationConfiguration" in p:
            self._notify(logical_id, name, p["NotificationConfiguration"])
        return name, {
            "Arn": f"arn:{PARTITION}:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com.cn",
            "RegionalDomainName": f"{name}.s3.{REGION}.amazonaws.com.cn",
        }

    def _notify(self, logical_id: str, bucket: str, wanted: dict[str, Any]) -> None:
        """Notifications of a bucket to queues whose policy admits them, as S3 asks at creation; moto sends them."""
        _refuse_unknown(logical_id, "notification", set(wanted) - {"QueueConfigurations"})
        for one in wanted["QueueConfigurations"]:
            policy = self._policies.get(one["Queue"])
            if not _admits(policy, "s3.amazonaws.com", "sqs:SendMessage", f"arn:{PARTITION}:s3:::{bucket}"):
                raise StageError(f"{logical_id}: the policy of {one['Queue']} does not let the bucket send")
        self.client("s3").put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={
                "QueueConfigurations": [
                    {"QueueArn": one["Queue"], "Events": [one["Event"]]}
                    for one in wanted["QueueConfigurations"]
                ]
            },
        )

    def bucket_policy(self, logical_id: str, p: dict[str, Any]) -> "Made":
        # moto judges bucket policies without their conditions: "deny without TLS" would deny everything.
        unconditional = [one for one in p["PolicyDocument"]["Statement"] if "Condition" not in one]
        if unconditional:
            policy = p["PolicyDocument"] | {"Statement": unconditional}
            self.client("s3").put_bucket_policy(Bucket=p["Bucket"], Policy=json.dumps(policy))
        return logical_id, {}

    def key(self, logical_id: str, p: dict[str, Any]) -> "Made":
        wanted: dict[str, Any] = {
            name: p[name] for name in ("Description", "KeyUsage", "KeySpec") if name in p
        }
        if "KeyPolicy" in p:
            wanted["Policy"] = json.dumps(p["KeyPolicy"])
        metadata = self.client("kms").create_key(**wanted)["KeyMetadata"]
        return metadata["KeyId"], {"Arn": metadata["Arn"], "KeyId": metadata["KeyId"]}

    def alias(self, logical_id: str, p: dict[str, Any]) -> "Made":
        self.client("kms").create_alias(AliasName=p["AliasName"], TargetKeyId=p["TargetKeyId"])
        return p["AliasName"], {}

    # --- timers ---------------------------------------------------------------------------------------------

    def schedule_group(self, logical_id: str, p: dict[str, Any]) -> "Made":
        name = self._name(logical_id, p.get("Name"))
        return name, {"Arn": self.client("scheduler").create_schedule_group(Name=name)["ScheduleGroupArn"]}

    def iam_role(self, logical_id: str, p: dict[str, Any]) -> "Made":
        name = self._name(logical_id, p.get("RoleName"))
        trust = json.dumps(p["AssumeRolePolicyDocument"])
        role = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
        return name, {"Arn": role["Arn"], "RoleId": role["RoleId"]}

    # --- watching -------------------------------------------------------------------------------------------

    def log_group(self, logical_id: str, p: dict[str, Any]) -> "Made":
        name = self._name(logical_id, p.get("LogGroupName"))
        self.client("logs").create_log_group(logGroupName=name)
        return name, {"Arn": f"arn:{PARTITION}:logs:{REGION}:{ACCOUNT}:log-group:{name}:*"}

    def alarm(self, logical_id: str, p: dict[str, Any]) -> "Made":
        name = self._name(logical_id, p.get("AlarmName"))
        self.client("cloudwatch").put_metric_alarm(**(p | {"AlarmName": name}))
        return name, {"Arn": f"arn:{PARTITION}:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"}


Made = tuple[str, Mapping[str, Any]]  # what Ref gives, what GetAtt gives


@dataclass(frozen=True, slots=True)
class _Kind:
    create: Callable[[Builder, str, dict[str, Any]], Made]
    honoured: frozenset[str]
    inert: frozenset[str]


def _kind(create: Callable[[Builder, str, dict[str, Any]], Made], honoured: str, inert: str = "") -> _Kind:
    return _Kind(create, frozenset(honoured.split()), frozenset(inert.split()))


_RESOURCE_ATTRIBUTES = {
    "Type",
    "Properties",
    "Condition",
    "DependsOn",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Metadata",
}
_QUEUE_ATTRIBUTES = (
    "DelaySeconds",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
    "KmsMasterKeyId",
)
_TABLE_ATTRIBUTES = (
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "ProvisionedThroughput",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
)
_EVENTS = {
    "SQS": {
        "Queue",
        "BatchSize",
        "Enabled",
        "FilterCriteria",
        "FunctionResponseTypes",
        "MaximumBatchingWindowInSeconds",
        "ScalingConfig",  # how many run at once: one without it, at most eight with it
    },
    "DynamoDB": {
        "Stream",
        "BatchSize",
        "BisectBatchOnFunctionError",
        "DestinationConfig",
        "Enabled",
        "FilterCriteria",
        "FunctionResponseTypes",
        "MaximumBatchingWindowInSeconds",
        "MaximumRecordAgeInSeconds",  # nothing gets as old here
        "MaximumRetryAttempts",
        "ParallelizationFactor",  # one shard, one reader: order holds at least as well
        "StartingPosition",
    },
    "Schedule": {"Schedule", "Input", "Enabled", "State", "Name", "Description"},
    "ScheduleV2": {
        "ScheduleExpression",
        "ScheduleExpressionTimezone",
        "Input",
        "State",
        "Name",
        "Description",
    },
}
_KINDS = {
    "AWS::Serverless::Function": _kind(
        Builder.function,
        "FunctionName Handler CodeUri Runtime Environment Events Timeout MemorySize",
        "Architectures Layers Policies Role PermissionsBoundary Description Tags Tracing LoggingConfig "
        "KmsKeyArn ReservedConcurrentExecutions SnapStart EphemeralStorage RuntimeManagementConfig",
    ),
    "AWS::Serverless::LayerVersion": _kind(
        Builder.layer,
        "LayerName",
        "ContentUri CompatibleRuntimes CompatibleArchitectures Description LicenseInfo RetentionPolicy",
    ),
    "AWS::Lambda::Permission": _kind(
        Builder.permission, "FunctionName Action Principal", "SourceArn SourceAccount"
    ),
    "AWS::Serverless::Api": _kind(
        Builder.api,
        "StageName DefinitionBody MethodSettings Cors BinaryMediaTypes",
        "Name Description OpenApiVersion EndpointConfiguration TracingEnabled AccessLogSetting Tags "
        "PropagateTags AlwaysDeploy FailOnWarnings SecurityPolicy DisableExecuteApiEndpoint MinimumCompressionSize",
    ),
    "AWS::Serverless::StateMachine": _kind(
        Builder.state_machine,
        "Name Type DefinitionUri DefinitionSubstitutions",
        "Policies Role PermissionsBoundary Logging Tracing Tags PropagateTags",
    ),
    "AWS::SQS::Queue": _kind(
        Builder.queue,
        " ".join(("QueueName RedrivePolicy FifoQueue", *_QUEUE_ATTRIBUTES)),
        "RedriveAllowPolicy SqsManagedSseEnabled KmsDataKeyReusePeriodSeconds Tags",
    ),
    "AWS::SQS::QueuePolicy": _kind(Builder.queue_policy, "Queues PolicyDocument"),
    "AWS::SNS::Topic": _kind(
        Builder.topic,
        "TopicName DisplayName KmsMasterKeyId FifoTopic",
        "TracingConfig SignatureVersion Tags",
    ),
    "AWS::SNS::TopicPolicy": _kind(Builder.topic_policy, "Topics PolicyDocument"),
    "AWS::SNS::Subscription": _kind(
        Builder.subscription,
        "TopicArn Protocol Endpoint FilterPolicy FilterPolicyScope RawMessageDelivery RedrivePolicy",
    ),
    "AWS::DynamoDB::Table": _kind(
        Builder.table,
        " ".join(("TableName StreamSpecification TimeToLiveSpecification", *_TABLE_ATTRIBUTES)),
        "PointInTimeRecoverySpecification SSESpecification DeletionProtectionEnabled TableClass Tags "
        "ContributorInsightsSpecification OnDemandThroughput",
    ),
    "AWS::S3::Bucket": _kind(
        Builder.bucket,
        "BucketName VersioningConfiguration ObjectLockEnabled ObjectLockConfiguration NotificationConfiguration",
        "BucketEncryption LifecycleConfiguration PublicAccessBlockConfiguration OwnershipControls CorsConfiguration "
        "LoggingConfiguration IntelligentTieringConfigurations Tags",
    ),
    "AWS::S3::BucketPolicy": _kind(Builder.bucket_policy, "Bucket PolicyDocument"),
    "AWS::KMS::Key": _kind(
        Builder.key,
        "Description KeyPolicy KeyUsage KeySpec",
        "EnableKeyRotation PendingWindowInDays Tags",
    ),
    "AWS::KMS::Alias": _kind(Builder.alias, "AliasName TargetKeyId"),
    "AWS::Scheduler::ScheduleGroup": _kind(Builder.schedule_group, "Name", "Tags"),
    "AWS::IAM::Role": _kind(
        Builder.iam_role,
        "RoleName AssumeRolePolicyDocument",
        "Policies ManagedPolicyArns PermissionsBoundary Path Description MaxSessionDuration Tags",
    ),
    "AWS::Logs::LogGroup": _kind(
        Builder.log_group, "LogGroupName", "RetentionInDays KmsKeyId LogGroupClass Tags"
    ),
    "AWS::CloudWatch::Alarm": _kind(
        Builder.alarm,
        "AlarmName AlarmDescription Namespace MetricName Dimensions Statistic ExtendedStatistic Period Unit "
        "EvaluationPeriods DatapointsToAlarm Threshold ThresholdMetricId ComparisonOperator Metrics "
        "TreatMissingData ActionsEnabled AlarmActions OKActions InsufficientDataActions",
    ),
}

_FUNCTION_ARN = re.compile(r"arn:[a-z-]+:lambda:[a-z0-9-]+:\d+:function:[\w-]+")


def _runtime_variables(name: str, p: dict[str, Any]) -> dict[str, str]:
    """What Lambda itself sets (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html)."""
    return {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(p.get("MemorySize", 128)),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
    }


def _check_states(where: str, machine: dict[str, Any]) -> None:
    """moto accepts transitions into nowhere and finds out when it gets there. Raises `StageError` now."""
    states = machine["States"]
    catchers = [catcher for state in states.values() for catcher in state.get("Catch", [])]
    choices = [choice for state in states.values() for choice in state.get("Choices", [])]
    targets = {state[key] for state in states.values() for key in ("Next", "Default") if key in state}
    targets |= {each["Next"] for each in [*catchers, *choices]} | {machine["StartAt"]}
    lost, unreached = sorted(targets - set(states)), sorted(set(states) - targets)
    if lost or unreached:
        raise StageError(
            f"{where}: no state {', '.join(lost)}" if lost else f"{where}: nothing leads to {unreached}"
        )
    for state in states.values():
        for inner in (*state.get("Branches", ()), state.get("ItemProcessor"), state.get("Iterator")):
            if inner:
                _check_states(where, inner)


def _refuse_unknown(where: str, what: str, names: set[str]) -> None:
    if names:
        raise StageError(f"{where}: the local stack does not know {what} {', '.join(sorted(names))}")


def _queue_arn(name: str) -> str:
    return f"arn:{PARTITION}:sqs:{REGION}:{ACCOUNT}:{name}"


def _admits(policy: Any, service: str, action: str, source: str) -> bool:
    """Whether a resource policy lets `service` do `action` on behalf of `source` (Allow statements, ARN
    conditions).
    """
    for statement in (policy or {}).get("Statement", []):
        principal = statement.get("Principal")
        services = _listed(principal.get("Service")) if isinstance(principal, dict) else _listed(principal)
        actions = [each.lower() for each in _listed(statement.get("Action"))]
        if statement.get("Effect") != "Allow" or not {service, "*"} & set(services):
            continue
        if not any(fnmatchcase(action.lower(), each) for each in actions):
            continue
        conditions = statement.get("Condition") or {}
        sources = [
            pattern
            for operator, keys in conditions.items()
            if operator in ("ArnEquals", "ArnLike", "StringEquals", "StringLike")
            for key, patterns in keys.items()
            if key.lower() == "aws:sourcearn"
            for pattern in _listed(patterns)
        ]
        if not sources or any(fnmatchcase(source, pattern) for pattern in sources):
            return True
    return False


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
