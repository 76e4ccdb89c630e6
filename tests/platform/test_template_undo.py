"""Undo by event on AWS: off until there is a key, and then with an identity of its own."""

import json
import re
from typing import Any

import pytest

from tests.platform.template import EVERYTHING, TEMPLATE, deployed

SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"  # an address, no secret
KEY, OWN, COMMON = f"{SECRET}undo-key", f"{SECRET}undo-credentials", f"{SECRET}credentials"
LAYER = "arn:aws:lambda:eu-central-1:123456789012:layer:secrets:1"
DEFAULTS = {"SecretArn": COMMON, "SecretsExtensionLayerArn": LAYER}
STATES: dict[str, dict[str, str]] = {
    "as it is": DEFAULTS,
    "nothing in Secrets Manager": {"SecretUri": "file:/opt/credentials.json"},
    "a key": {**DEFAULTS, "UndoKeyArn": KEY},
    "a key elsewhere": {"SecretUri": "file:/opt/credentials.json", "UndoKeyUri": "file:/opt/key"},
    "a user of its own": {**DEFAULTS, "UndoKeyArn": KEY, "UndoSecretArn": OWN},
}
OF_THE_UNDO = {"Undo", "UndoQueue", "UndoDeadLetters", "DetachUndoRule", "UndoRole"}


def names(**parameters: str) -> set[str]:
    """The resources of a deployment."""
    return {name for each in deployed(**parameters).values() for name in each.resources}


def test_undo_by_event_is_off_until_there_is_a_key() -> None:
    """No function, no queue, no rule, no role, no output; nothing else is missing."""
    off, on = names(**DEFAULTS), names(**DEFAULTS, UndoKeyArn=KEY)
    assert not [name for name in off if "Undo" in name]
    assert on - off == OF_THE_UNDO | {"UndoKeyPolicy"}
    assert names(**DEFAULTS, UndoKeyUri="file:/opt/key") - off == OF_THE_UNDO
    assert not [name for name in deployed(**DEFAULTS)[""].outputs if "Undo" in name]
    assert {"UndoFunction", "UndoQueueUrl"} <= set(deployed(**DEFAULTS, UndoKeyArn=KEY)[""].outputs)


@pytest.mark.parametrize("state", STATES)
def test_what_is_named_exists(state: str) -> None:
    """In each state, each reference of each template is to a parameter, a resource or an output that is there."""
    stacks = deployed(**STATES[state])
    for stack in stacks.values():
        for target in _references([stack.resources, stack.outputs]):
            name, _, attribute = target.partition(".")
            known = stack.parameters | set(stack.resources) | _PARTS
            assert name in known or name.startswith("AWS::"), target
            if attribute.startswith("Outputs."):
                assert attribute.removeprefix("Outputs.") in stacks[name].outputs, target


_PARTS = {"UndoWaiting", "UndoAge", "Service"}  # of the dashboard's text


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [target for each in value for target in _references(each)]
    if not isinstance(value, dict):
        return []
    found = [value[name] for name in ("Ref", "Fn::GetAtt") if isinstance(value.get(name), str)]
    text = value.get("Fn::Sub")
    found += re.findall(r"\$\{([\w:.]+)\}", text[0] if isinstance(text, list) else text) if text else []
    return found + [target for each in value.values() for target in _references(each)]


@pytest.mark.parametrize("state", STATES)
def test_no_statement_and_no_list_is_left_empty(state: str) -> None:
    """CloudFormation refuses a policy without statements."""
    for stack in deployed(**STATES[state]).values():
        for name, each in stack.resources.items():
            assert '"Statement": []' not in json.dumps(each), name


@pytest.mark.parametrize(
    ("state", "uri"),
    [
        ("as it is", ""),
        ("a key", {"Fn::Sub": "aws-secretsmanager:${UndoKeyArn}"}),
        ("a key elsewhere", {"Ref": "UndoKeyUri"}),
    ],
)
def test_all_functions_know_where_the_key_is(state: str, uri: Any) -> None:
    """They sign what they detach. An empty variable counts as unset."""
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert deployed(**STATES[state])[""].evaluated(variables)["UNDO_KEY_URI"] == uri


@pytest.mark.parametrize(
    ("state", "uri"),
    [
        ("a key", {"Fn::Sub": "aws-secretsmanager:${SecretArn}"}),
        ("a key elsewhere", {"Ref": "SecretUri"}),
        ("a user of its own", {"Fn::Sub": "aws-secretsmanager:${UndoSecretArn}"}),
    ],
)
def test_the_undo_may_have_a_user_of_its_own(state: str, uri: Any) -> None:
    """So that no other function can attach: theirs needs no batchBindDomain."""
    stacks = deployed(**STATES[state])
    assert stacks[""].resources["Undo"]["Properties"]["Environment"]["Variables"] == {"SECRET_URI": uri}
    readable = {name: _readable(stacks["Access"].resources, name) for name in stacks["Access"].resources}
    own = (
        {"UndoSecretArn"} if state == "a user of its own" else {"SecretArn"} if "SecretArn" in STATES[state] else set()
    )
    key = {"UndoKeyArn"} if "UndoKeyArn" in STATES[state] else set()
    assert readable["UndoRole"] == own | key
    common = {"SecretArn"} if "SecretArn" in STATES[state] else set()
    assert readable["CertificateExpiryRole"] == readable["ScheduledCleanupRole"] == common | key
    assert readable["CleanupPlanRole"] == common  # it detaches nothing, so it signs nothing


def _readable(resources: dict[str, Any], role: str) -> set[str]:
    """The parameters that hold the ARNs of the secrets which a role may read."""
    properties = resources[role]["Properties"]
    attached = [resources[each["Ref"]]["Properties"] for each in properties.get("ManagedPolicyArns", ())]
    documents = [each["PolicyDocument"] for each in (*attached, *properties.get("Policies", ()))]
    statements = [each for one in documents for each in one["Statement"]]
    return {each["Resource"]["Ref"] for each in statements if each["Action"] == "secretsmanager:GetSecretValue"}


def test_a_key_in_secrets_manager_needs_the_extension() -> None:
    """The console says so before anything is deployed."""
    rule = TEMPLATE["Rules"]["SecretsManagerByExtension"]["RuleCondition"]
    named = {each["Fn::Equals"][0]["Ref"] for each in rule["Fn::Not"][0]["Fn::And"]}
    assert named == {"SecretArn", "UndoKeyArn", "UndoSecretArn"}


def test_the_dashboard_is_json_in_both_states() -> None:
    """With the queues of the undo, and without them."""
    for stacks, expected in ((EVERYTHING, 3), (deployed(**DEFAULTS), 0)):
        body, parts = stacks["Monitoring"].resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        for name, part in parts.items():
            body = body.replace(f"${{{name}}}", part["Fn::Sub"] if isinstance(part, dict) else part)
        assert json.dumps(json.loads(body)).count('"${Undo') == expected
