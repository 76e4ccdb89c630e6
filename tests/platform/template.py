"""template.yaml and the nested stacks of deploy/aws: as they are written, and as a deployment evaluates them."""

from pathlib import Path
from typing import Any

import yaml

from shared.core.kinds import KINDS

ROOT = Path(__file__).parents[2]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, each as the long form."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)


def _read(path: str) -> dict[str, Any]:
    template: dict[str, Any] = yaml.load((ROOT / path).read_text(encoding="utf-8"), _Loader)  # noqa: S506 - safe
    return template


TEMPLATE = _read("template.yaml")
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]
NESTED_PROPERTIES = {
    name: each["Properties"]
    for name, each in TEMPLATE["Resources"].items()
    if each["Type"] == "AWS::Serverless::Application"
}
NESTED = {name: _read(each["Location"]) for name, each in NESTED_PROPERTIES.items()}


class _Deployment:
    """One template with values for its parameters: what its conditions leave of it."""

    def __init__(self, template: dict[str, Any], values: dict[str, Any]) -> None:
        self._values = {name: each.get("Default") for name, each in template["Parameters"].items()} | values
        self._conditions = template.get("Conditions", {})
        self.parameters = set(template["Parameters"])
        self.resources = self._kept(template["Resources"])
        self.outputs = self._kept(template["Outputs"])

    def evaluated(self, value: Any) -> Any:
        """The value without its `Fn::If`; a parameter that is one of ours is left as it is written."""
        if isinstance(value, dict):
            if "Fn::If" in value:
                condition, then, otherwise = value["Fn::If"]
                return self.evaluated(then if self._holds({"Condition": condition}) else otherwise)
            return {name: each for name, inner in value.items() if (each := self.evaluated(inner)) != _NO_VALUE}
        return (
            [each for item in value if (each := self.evaluated(item)) != _NO_VALUE]
            if isinstance(value, list)
            else value
        )

    def given(self, value: Any) -> Any:
        """What a nested stack gets for it: a parameter's value, or some text that is not empty."""
        value = self.evaluated(value)
        if isinstance(value, dict):
            return self._values.get(value.get("Ref", ""), "of the deployment")
        return value

    def _kept(self, entries: dict[str, Any]) -> dict[str, Any]:
        return {
            name: self.evaluated({key: inner for key, inner in each.items() if key != "Condition"})
            for name, each in entries.items()
            if "Condition" not in each or self._holds({"Condition": each["Condition"]})
        }

    def _holds(self, condition: Any) -> bool:
        [(function, inner)] = condition.items()
        match function:
            case "Condition":
                return self._holds(self._conditions[inner])
            case "Fn::Equals":
                first, second = (self.given(each) for each in inner)
                return bool(first == second)
            case "Fn::Not":
                return not self._holds(inner[0])
            case "Fn::And":
                return all(map(self._holds, inner))
            case "Fn::Or":
                return any(map(self._holds, inner))
        raise ValueError(function)


_NO_VALUE = {"Ref": "AWS::NoValue"}


def deployed(**values: str) -> dict[str, _Deployment]:
    """template.yaml (under the name "") and the nested stacks, deployed with these parameters."""
    main = _Deployment(TEMPLATE, values)
    nested = {
        name: _Deployment(
            NESTED[name], {key: main.given(value) for key, value in NESTED_PROPERTIES[name]["Parameters"].items()}
        )
        for name in NESTED
    }
    return {"": main, **nested}


_SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
# All that can be switched on.
EVERYTHING = deployed(
    SecretArn=f"{_SECRET}credentials",
    SecretKmsKeyArn="arn:aws:kms:eu-central-1:123456789012:key/0",
    SecretsExtensionLayerArn="arn:aws:lambda:eu-central-1:123456789012:layer:secrets:1",
    UndoKeyArn=f"{_SECRET}undo-key",
    UndoSecretArn=f"{_SECRET}undo-credentials",
    Tracing="Active",
    AlarmEmail="operations@example.com",
)
RESOURCES: dict[str, dict[str, Any]] = {
    name: resource for each in EVERYTHING.values() for name, resource in each.resources.items()
}


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of all resources of a type, by their names."""
    return {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")
QUEUES = of_type("AWS::SQS::Queue")
OF_KINDS = {"".join(word.capitalize() for word in kind.split("_")): kind for kind in KINDS}
