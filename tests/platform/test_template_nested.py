"""template.yaml and its nested stacks fit together."""

import re

import pytest
import yaml

from tests.platform.template import EVERYTHING, NESTED, NESTED_PROPERTIES, OF_KINDS, RESOURCES, ROOT, TEMPLATE


def test_no_name_is_taken_twice() -> None:
    """Each resource is in one template; the tests below look for it by its name, wherever it is."""
    assert len(RESOURCES) == sum(len(each["Resources"]) for each in (TEMPLATE, *NESTED.values()))


def test_every_template_is_deployed() -> None:
    """What is in deploy/aws is a nested stack, and what is checked is what is there."""
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "deploy/aws").glob("*.yaml")}
    assert {each["Location"] for each in NESTED_PROPERTIES.values()} == there
    checked = yaml.safe_load((ROOT / ".checkov.yaml").read_text(encoding="utf-8"))["file"]
    assert set(checked) == there | {"template.yaml"}


@pytest.mark.parametrize("name", NESTED)
def test_a_nested_stack_gets_what_it_asks_for(name: str) -> None:
    """It gets a value for each of its parameters, and for nothing else."""
    assert set(NESTED_PROPERTIES[name]["Parameters"]) == set(NESTED[name]["Parameters"])


def test_a_nested_stack_has_the_outputs_that_are_asked_for() -> None:
    """Each output of a nested stack that the template names exists, and each that exists is named."""
    named = set(re.findall(r"(\w+)\.Outputs\.(\w+)", (ROOT / "template.yaml").read_text(encoding="utf-8")))
    assert named == {(name, output) for name, each in NESTED.items() for output in each["Outputs"]}


@pytest.mark.parametrize("name", NESTED)
def test_a_queue_keeps_its_name_on_its_way(name: str) -> None:
    """A value that is about one queue or role goes to the parameter of that name: no two of them are swapped."""
    for parameter, value in NESTED_PROPERTIES[name]["Parameters"].items():
        if re.search("(Queue|DeadLetters)(Name|Arn)$", parameter) and parameter.startswith(tuple(OF_KINDS)):
            assert EVERYTHING[""].evaluated(value) == {"Fn::GetAtt": f"Events.Outputs.{parameter}"}


@pytest.mark.parametrize("name", NESTED)
def test_an_output_is_of_what_its_name_says(name: str) -> None:
    """`UndoQueueName` is the name of UndoQueue, `UndoRoleArn` the ARN of UndoRole."""
    attributes = {"Name": "QueueName", "Arn": "Arn"}
    for output, value in NESTED[name]["Outputs"].items():
        if output.startswith((*OF_KINDS, "CleanupPlan")):
            resource, attribute = re.fullmatch(r"(\w+?)(Name|Arn|Url)", output).groups()
            expected = f"{resource}.{attributes.get(attribute)}"
            assert value["Value"] == ({"Ref": resource} if attribute == "Url" else {"Fn::GetAtt": expected})
