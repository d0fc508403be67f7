"""Reading a template: short forms, parameters, conditions, intrinsics, order."""

from pathlib import Path
from typing import Any

import pytest

from infra.stage.template import StageError, Template, load_yaml


def template(
    resources: dict[str, Any] | None = None, parameters: dict[str, str] | None = None, **rest: Any
) -> Template:
    return Template({"Resources": resources or {}, **rest}, stack="s", parameters=parameters or {})


def test_short_forms_are_long_forms(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(
        "a: !Ref X\nb: !GetAtt X.Arn\nc: !Sub '${X}'\nd: !If [C, !Ref A, 2010-09-09]\ne: !Condition C\n"
    )
    assert load_yaml(path) == {
        "a": {"Ref": "X"},
        "b": {"Fn::GetAtt": ["X", "Arn"]},
        "c": {"Fn::Sub": "${X}"},
        "d": {"Fn::If": ["C", {"Ref": "A"}, "2010-09-09"]},
        "e": {"Condition": "C"},
    }


def test_parameters_are_defaults_unless_given() -> None:
    declared = {
        "A": {"Type": "String", "Default": "x"},
        "L": {"Type": "CommaDelimitedList", "Default": "a,b"},
    }
    settled = template(Parameters=declared, parameters={"A": "y"})
    assert settled.resolve([{"Ref": "A"}, {"Ref": "L"}]) == ["y", ["a", "b"]]


@pytest.mark.parametrize(
    ("declared", "given", "complaint"),
    [
        ({}, {"B": "1"}, "no parameter B"),
        ({"A": {"Type": "String"}}, {}, "A has no value"),
        ({"A": {"Type": "String", "AllowedValues": ["x"]}}, {"A": "y"}, "not allowed"),
        ({"A": {"Type": "String", "AllowedPattern": "[a-z]+"}}, {"A": "1"}, "does not match"),
    ],
)
def test_a_wrong_parameter_is_named(declared: dict[str, Any], given: dict[str, str], complaint: str) -> None:
    with pytest.raises(StageError, match=complaint):
        template(Parameters=declared, parameters=given)


def test_intrinsics_resolve() -> None:
    settled = template(
        Parameters={"Env": {"Type": "String", "Default": "prod"}},
        Conditions={
            "Prod": {"Fn::Equals": [{"Ref": "Env"}, "prod"]},
            "Not": {"Fn::Not": [{"Condition": "Prod"}]},
        },
    )
    settled.created("Q", "https://q", {"Arn": "arn:q"})
    assert settled.resolve(
        {
            "sub": {"Fn::Sub": "${AWS::Partition}/${Q}/${Q.Arn}/${!literal}/$$.Task/${x}"},
            "local": {"Fn::Sub": ["${x}-${Env}", {"x": {"Ref": "Q"}}]},
            "if": {"Fn::If": ["Not", 1, {"Ref": "AWS::NoValue"}]},
            "yes": {"Fn::If": ["Prod", 1, 2]},
            "join": {"Fn::Join": ["-", ["a", {"Ref": "Env"}, {"Ref": "AWS::NoValue"}]]},
            "select": {"Fn::Select": [1, {"Fn::Split": [":", "a:b:c"]}]},
        }
        | {"sub": {"Fn::Sub": "${AWS::Partition}/${Q}/${Q.Arn}/${!literal}/$$.Task"}}
    ) == {
        "sub": "aws-cn/https://q/arn:q/${literal}/$$.Task",
        "local": "https://q-prod",
        "yes": 1,
        "join": "a-prod",
        "select": "b",
    }


@pytest.mark.parametrize(
    ("node", "complaint"),
    [
        ({"Ref": "Nowhere"}, "Nowhere"),
        ({"Fn::GetAtt": ["Nowhere", "Arn"]}, r"Nowhere\.Arn"),
        ({"Fn::ImportValue": "x"}, "Fn::ImportValue"),
        ({"Fn::If": ["Nowhere", 1, 2]}, "no condition Nowhere"),
    ],
)
def test_what_cannot_be_resolved_is_named(node: Any, complaint: str) -> None:
    with pytest.raises(StageError, match=complaint):
        template().resolve(node)


def test_resources_come_after_what_they_refer_to() -> None:
    ordered = template(
        {
            "A": {"Type": "t", "Properties": {"x": {"Fn::Sub": "${B.Arn}"}}},
            "B": {"Type": "t", "DependsOn": "C", "Properties": {"y": [{"Fn::If": ["c", {"Ref": "D"}, 1]}]}},
            "C": {"Type": "t"},
            "D": {"Type": "t", "Properties": {"z": {"Fn::GetAtt": "C.Arn"}}},
        }
    )
    order = [logical_id for logical_id, _ in ordered.in_order()]
    assert order.index("C") < order.index("D") < order.index("B") < order.index("A")


def test_a_circle_is_named() -> None:
    with pytest.raises(StageError, match=r"circle: (A → B → A|B → A → B)"):
        list(
            template(
                {
                    "A": {"Type": "t", "Properties": {"x": {"Ref": "B"}}},
                    "B": {"Type": "t", "Properties": {"x": {"Ref": "A"}}},
                }
            ).in_order()
        )


def test_resources_and_outputs_whose_condition_is_false_are_left_out() -> None:
    settled = template(
        {"A": {"Type": "t", "Condition": "Never"}, "B": {"Type": "t"}},
        Conditions={"Never": {"Fn::Equals": ["a", "b"]}},
        Outputs={"X": {"Value": 1, "Condition": "Never"}, "Y": {"Value": {"Ref": "AWS::Region"}}},
    )
    assert list(settled.resources) == ["B"]
    assert settled.outputs() == {"Y": "cn-northwest-1"}


def test_globals_lie_under_a_resources_own_properties() -> None:
    settled = template(
        {
            "F": {
                "Type": "AWS::Serverless::Function",
                "Properties": {"Timeout": 5, "Layers": ["b"], "Environment": {"Variables": {"B": "2"}}},
            }
        },
        Globals={
            "Function": {
                "Timeout": 1,
                "MemorySize": 2,
                "Layers": ["a"],
                "Environment": {"Variables": {"A": "1"}},
            }
        },
    )
    assert settled.resources["F"]["Properties"] == {
        "Timeout": 5,
        "MemorySize": 2,
        "Layers": ["a", "b"],
        "Environment": {"Variables": {"A": "1", "B": "2"}},
    }
