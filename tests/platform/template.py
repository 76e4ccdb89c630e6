"""template.yaml and the nested stacks of deploy/aws, as they are written."""

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
RESOURCES: dict[str, dict[str, Any]] = {
    name: resource for each in (TEMPLATE, *NESTED.values()) for name, resource in each["Resources"].items()
}


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of all resources of a type, by their names."""
    return {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")
QUEUES = of_type("AWS::SQS::Queue")
OF_KINDS = {"".join(word.capitalize() for word in kind.split("_")): kind for kind in KINDS}
