"""A SAM template, read and resolved: parameters, conditions, intrinsics, pseudo parameters, order of
creation.

Resolving is lazy: what `Ref` and `Fn::GetAtt` of a resource mean is known once it is created
(`Template.created`), so resources are created in the order of their references. Anything that cannot be
resolved is a `StageError` that names it; nothing is guessed.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

# The China partition is the window's natural home: a template that runs here has its partition written right.
REGION = "cn-northwest-1"
PARTITION = "aws-cn"
URL_SUFFIX = "amazonaws.com.cn"
ACCOUNT = "123456789012"  # moto's default account: any credentials of a real client land in it

_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]*)}")
_NO_VALUE = object()


class StageError(Exception):
    """The template, or something that it names, is not what the local stack can bring up."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with CloudFormation's short forms: `!Ref x` → `{"Ref": x}`, `!Sub x` → `{"Fn::Sub": x}`."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)
# A template's `2010-09-09` and a policy's `2012-10-17` are strings to CloudFormation, not dates.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def load_yaml(path: Path) -> Any:
    """The document at `path` (YAML or JSON). Raises `StageError` where it is no such thing."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, yaml.YAMLError) as error:
        raise StageError(f"{path}: {error}") from None


class Template:
    """One template with its parameters settled. `resources` holds only those whose condition is true."""

    def __init__(self, document: Mapping[str, Any], *, stack: str, parameters: Mapping[str, str]) -> None:
        self.stack = stack
        self._document = document
        self._values: dict[str, Any] = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": _NO_VALUE,
            "AWS::NotificationARNs": [],
            "AWS::Partition": PARTITION,
            "AWS::Region": REGION,
            "AWS::StackId": f"arn:{PARTITION}:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/local",
            "AWS::StackName": stack,
            "AWS::URLSuffix": URL_SUFFIX,
            **self._settled(parameters),
        }
        self._attributes: dict[tuple[str, str], Any] = {}
        self._conditions: dict[str, bool] = {}
        self.resources: dict[str, dict[str, Any]] = {
            logical_id: _with_globals(resource, document.get("Globals") or {})
            for logical_id, resource in (document.get("Resources") or {}).items()
            if "Condition" not in resource or self.condition(resource["Condition"])
        }

    def _settled(self, given: Mapping[str, str]) -> dict[str, Any]:
        declared = self._document.get("Parameters") or {}
        unknown = sorted(set(given) - set(declared))
        if unknown:
            raise StageError(f"the template has no parameter {', '.join(unknown)}")
        values = {}
        for name, parameter in declared.items():
            value = given.get(name, parameter.get("Default"))
            if value is None:
                raise StageError(f"parameter {name} has no value and no default")
            value = str(value)
            if "AllowedValues" in parameter and value not in map(str, parameter["AllowedValues"]):
                raise StageError(f"parameter {name}: {value!r} is not allowed")
            if "AllowedPattern" in parameter and not re.fullmatch(parameter["AllowedPattern"], value):
                raise StageError(f"parameter {name}: {value!r} does not match {parameter['AllowedPattern']}")
            values[name] = value.split(",") if parameter["Type"] in _LISTS else value
        return values

    def change(self, parameters: Mapping[str, str]) -> None:
        """Settle the parameters anew: what is resolved from now on goes by them. What is created stays."""
        self._values |= self._settled(parameters)
        self._conditions.clear()

    def condition(self, name: str) -> bool:
        if name not in self._conditions:
            try:
                expression = self._document["Conditions"][name]
            except KeyError:
                raise StageError(f"the template has no condition {name}") from None
            self._conditions[name] = bool(self.resolve(expression))
        return self._conditions[name]

    def created(self, logical_id: str, ref: str, attributes: Mapping[str, Any]) -> None:
        """From now on `Ref` of `logical_id` is `ref`, and `Fn::GetAtt` gives `attributes`."""
        self._values[logical_id] = ref
        self._attributes.update({(logical_id, name): value for name, value in attributes.items()})

    def ref(self, logical_id: str) -> Any:
        """What `Ref` gives. Raises `StageError` for an unknown or not yet created name."""
        try:
            return self._values[logical_id]
        except KeyError:
            raise StageError(f"Ref {logical_id}: no such parameter or created resource") from None

    def attribute(self, logical_id: str, name: str) -> Any:
        try:
            return self._attributes[logical_id, name]
        except KeyError:
            raise StageError(f"GetAtt {logical_id}.{name}: not known to the local stack") from None

    def attributes(self, logical_id: str) -> dict[str, Any]:
        """All that `Fn::GetAtt` gives; nothing for an unknown name."""
        return {name: value for (owner, name), value in self._attributes.items() if owner == logical_id}

    def in_order(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Resources, each after all that it refers to. Raises `StageError` on a cycle."""
        needs = {
            logical_id: self._needs(resource) & set(self.resources)
            for logical_id, resource in self.resources.items()
        }
        try:
            for logical_id in TopologicalSorter(needs).static_order():
                yield logical_id, self.resources[logical_id]
        except CycleError as error:
            raise StageError(
                f"resources refer to each other in a circle: {' → '.join(error.args[1])}"
            ) from None

    def _needs(self, resource: Mapping[str, Any]) -> set[str]:
        after = resource.get("DependsOn", [])
        named = [after] if isinstance(after, str) else after
        return {*named, *_references(resource.get("Properties") or {})}

    def outputs(self) -> dict[str, str]:
        return {
            name: self.resolve(output["Value"])
            for name, output in (self._document.get("Outputs") or {}).items()
            if "Condition" not in output or self.condition(output["Condition"])
        }

    def resolve(self, node: Any) -> Any:
        """`node` with every intrinsic evaluated; `AWS::NoValue` removes its key or item."""
        if isinstance(node, list):
            return [value for item in node if (value := self.resolve(item)) is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (name, argument), *_ = node.items()
            if name in _INTRINSICS:
                return _INTRINSICS[name](self, argument)
            if isinstance(name, str) and name.startswith("Fn::"):
                raise StageError(f"intrinsic {name} is not known to the local stack")
        return {key: value for key, item in node.items() if (value := self.resolve(item)) is not _NO_VALUE}

    def _get_att(self, argument: Any) -> Any:
        logical_id, name = argument.split(".", 1) if isinstance(argument, str) else argument
        return self.attribute(logical_id, self.resolve(name))

    def _sub(self, argument: Any) -> str:
        text, local = argument if isinstance(argument, list) else (argument, {})
        local = self.resolve(local)

        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in local:
                return str(local[name])
            logical_id, _, attribute = name.partition(".")
            return str(self.attribute(logical_id, attribute) if attribute else self.ref(logical_id))

        return _PLACEHOLDER.sub(value, text)

    def _if(self, argument: list[Any]) -> Any:
        condition, when_true, when_false = argument
        return self.resolve(when_true if self.condition(condition) else when_false)

    def _find_in_map(self, argument: list[Any]) -> Any:
        table, first, second = map(self.resolve, argument)
        try:
            return self._document["Mappings"][table][first][second]
        except KeyError:
            raise StageError(f"no mapping {table}.{first}.{second}") from None

    def _join(self, argument: list[Any]) -> str:
        delimiter, values = argument
        return str(delimiter).join(map(str, self.resolve(values)))

    def _select(self, argument: list[Any]) -> Any:
        index, values = argument
        return self.resolve(values)[int(index)]

    def _split(self, argument: list[Any]) -> list[str]:
        delimiter, text = argument
        return str(self.resolve(text)).split(delimiter)

    def _equals(self, argument: list[Any]) -> bool:
        left, right = argument
        return str(self.resolve(left)) == str(self.resolve(right))


_INTRINSICS: dict[str, Callable[[Template, Any], Any]] = {
    "Ref": Template.ref,
    "Condition": Template.condition,
    "Fn::GetAtt": Template._get_att,
    "Fn::Sub": Template._sub,
    "Fn::Join": Template._join,
    "Fn::If": Template._if,
    "Fn::Equals": Template._equals,
    "Fn::Not": lambda template, argument: not template.resolve(argument[0]),
    "Fn::And": lambda template, argument: all(template.resolve(argument)),
    "Fn::Or": lambda template, argument: any(template.resolve(argument)),
    "Fn::Select": Template._select,
    "Fn::Split": Template._split,
    "Fn::FindInMap": Template._find_in_map,
    "Fn::ToJsonString": lambda template, argument: json.dumps(template.resolve(argument)),
}
_LISTS = ("CommaDelimitedList", "List<String>", "List<Number>")


def _references(node: Any) -> Iterator[str]:
    """Every name that `node` refers to: resources, and parameters among them."""
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref":
                yield value
            elif key == "Fn::GetAtt":
                yield value.split(".")[0] if isinstance(value, str) else value[0]
            elif key == "Fn::Sub":
                text = value[0] if isinstance(value, list) else value
                yield from (name.split(".")[0] for literal, name in _PLACEHOLDER.findall(text) if not literal)
                yield from _references(value)
            else:
                yield from _references(value)


_GLOBALS = {"AWS::Serverless::Function": "Function", "AWS::Serverless::Api": "Api"}


def _with_globals(resource: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """SAM's `Globals` beneath the resource's own properties: maps merge, lists append, the resource wins."""
    section = defaults.get(_GLOBALS.get(resource["Type"], ""), {})
    return (
        resource | {"Properties": _merged(section, resource.get("Properties") or {})} if section else resource
    )


def _merged(under: Any, over: Any) -> Any:
    if isinstance(under, dict) and isinstance(over, dict):
        return under | {
            key: _merged(under[key], value) if key in under else value for key, value in over.items()
        }
    if isinstance(under, list) and isinstance(over, list):
        return under + over
    return over
