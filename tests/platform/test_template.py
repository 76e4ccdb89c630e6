"""template.yaml, the state machine and the code hold together; `make e2e` deploys them."""

import importlib
import re
from typing import Any

import pytest

from shared import settings
from shared.core.errors import ConfigurationError
from shared.settings import VARIABLES, Settings
from tests.platform.template import FUNCTIONS, OF_KINDS, PARAMETERS, QUEUES, RESOURCES, ROOT, TEMPLATE, of_type

VARIABLES_SET: dict[str, Any] = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]

OF_THE_PLATFORM = {"LOG_LEVEL", "POWERTOOLS_SERVICE_NAME", "SECRETS_MANAGER_TTL"}
OF_KNATIVE = {"K_SINK", "K_CE_OVERRIDES", "K_CA_CERTS", "DOOR_BEARER_URI"}
OF_KNATIVE |= {"DOOR_OIDC_ISSUER", "DOOR_OIDC_AUDIENCE", "DOOR_OIDC_SUBJECTS"}


def _parameter(variable: str) -> str:
    """The name of the parameter behind a variable."""
    value = VARIABLES_SET[variable]
    return str(value["Ref"] if "Ref" in value else value["Fn::If"][1]["Ref"])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_handler_is_a_function_of_the_door(name: str) -> None:
    """What the template names can be imported and called."""
    module, _, function = FUNCTIONS[name]["Handler"].partition(".")
    assert module == "lambda_function"
    assert callable(getattr(importlib.import_module(module), function))


def test_each_kind_has_its_function_and_its_queue() -> None:
    """No kind of event is forgotten."""
    fed = {name: each["Handler"].partition(".")[2] for name, each in FUNCTIONS.items() if "Events" in each}
    assert fed == OF_KINDS
    assert set(QUEUES) == {f"{name}{which}" for name in OF_KINDS for which in ("Queue", "DeadLetters")}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_has_its_own_role(name: str) -> None:
    """No function takes from the queue of another."""
    assert FUNCTIONS[name]["Role"] == {"Fn::GetAtt": f"Access.Outputs.{name}RoleArn"}
    statements = [
        each
        for policy in RESOURCES[f"{name}Role"]["Properties"].get("Policies", ())
        for each in policy["PolicyDocument"]["Statement"]
    ]
    queues = [{"Ref": f"{name}QueueArn"}] if name in OF_KINDS else []
    own = [{"Ref": "UndoSecretArn"}] if name == "Undo" else []
    assert [each["Resource"] for each in statements] == queues + own


def test_each_function_is_built() -> None:
    """`sam build` finds a make target for each function, in the Makefile of the project."""
    listed = re.search(r"^FUNCTIONS := (.*)$", (ROOT / "make/aws.mk").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed is not None
    assert set(listed[1].split()) == set(FUNCTIONS)
    for name in FUNCTIONS:
        assert RESOURCES[name]["Metadata"] == {"BuildMethod": "makefile", "ContextPath": ".", "WorkingDirectory": "."}


def test_the_variables_are_the_settings() -> None:
    """Each variable is a setting or the platform's own, and each setting has its variable."""
    assert set(VARIABLES_SET) == set(VARIABLES) - OF_KNATIVE | OF_THE_PLATFORM
    own = {name: set(each["Environment"]["Variables"]) for name, each in FUNCTIONS.items() if "Environment" in each}
    assert own == {"Undo": {"SECRET_URI"}}


def test_each_setting_is_a_parameter() -> None:
    """It has a description, and either a pattern or a list of what is allowed."""
    for variable in set(VARIABLES) - OF_KNATIVE:
        parameter = PARAMETERS[_parameter(variable)]
        assert parameter["Description"]
        assert ("AllowedPattern" in parameter) != ("AllowedValues" in parameter)


def test_nothing_is_detached_until_it_is_asked_for() -> None:
    """The dry run is the default, and every other setting defaults to the code's own default."""
    given = {variable: PARAMETERS[_parameter(variable)]["Default"] for variable in set(VARIABLES) - OF_KNATIVE}
    assert given.pop("DETACH_DRY_RUN") == "true"
    assert set(given.values()) == {""}
    loaded = settings.load({**dict.fromkeys(given, ""), "SECRET_URI": "file:/secret", "DETACH_DRY_RUN": "true"}.get)
    assert loaded == Settings.model_validate(
        {
            "SECRET_URI": "file:/secret",
            "DETACH_DRY_RUN": True,
            "OS_AUTH_URL": "https://iam.eu-de.otc.t-systems.com/v3",
            "APIG_ENDPOINT": "https://apig.eu-de.otc.t-systems.com",
        }
    )


@pytest.mark.parametrize(
    ("variable", "default"),
    [
        ("OS_REGION_NAME", "eu-de"),
        ("OS_AUTH_URL", "https://iam.{region}.otc.t-systems.com/v3"),
        ("APIG_ENDPOINT", "https://apig.{region}.otc.t-systems.com"),
        ("DETACH_EXPIRY_GRACE", "P0D"),
        ("DETACH_MAX_EVENT_AGE", "P7D"),
        ("DETACH_MAX_UNDO_AGE", "P30D"),
        ("DETACH_PRIVATE_ZONES", "false"),
        ("DETACH_MAX_BINDINGS", "200"),
        ("DETACH_MAX_CLEANUP_BINDINGS", "2000"),
        ("DETACH_BATCH_SIZE", "50"),
        ("DETACH_CONCURRENCY", "4"),
        ("HTTP_TIMEOUT", "10"),
        ("HTTP_ATTEMPTS", "4"),
    ],
)
def test_a_description_names_the_default(variable: str, default: str) -> None:
    """What an empty parameter means stands in its description, and is what the code takes."""
    assert PARAMETERS[_parameter(variable)]["Description"].endswith(f"Empty means {default}.")
    region = default.replace("{region}", "eu-de")
    assert settings.load({"SECRET_URI": "file:/s", variable: region}.get) == settings.load(
        {"SECRET_URI": "file:/s"}.get
    )


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("SECRET_URI", "file:/opt/credentials.json", True),
        ("SECRET_URI", "hunter2", False),
        ("UNDO_KEY_URI", "file:/opt/undo-key", True),
        ("UNDO_KEY_URI", "hunter2", False),
        ("OS_REGION_NAME", "eu-nl", True),
        ("OS_REGION_NAME", "EU DE", False),
        ("OS_AUTH_URL", "https://iam.example.com:5000/v3", True),
        ("OS_AUTH_URL", "http://iam.example.com/v3", False),
        ("APIG_ENDPOINT", "https://apig.eu-nl.otc.t-systems.com", True),
        ("APIG_ENDPOINT", "https://user@apig.example.com", False),
        ("OS_PROJECT_ID", "0b1aa0f1f6a54bb5a5d7d4b36b1a6d0c", True),
        ("OS_PROJECT_ID", "eu-de_project", False),
        ("DETACH_EXPIRY_GRACE", "P7D", True),
        ("DETACH_EXPIRY_GRACE", "-P2D", True),
        ("DETACH_EXPIRY_GRACE", "PT12H", True),
        ("DETACH_EXPIRY_GRACE", "P1DT12H30M", True),
        ("DETACH_EXPIRY_GRACE", "P", False),
        ("DETACH_EXPIRY_GRACE", "P7", False),
        ("DETACH_PROTECTED_DOMAINS", "www.example.com, *.shop.example.com", True),
        ("DETACH_PROTECTED_DOMAINS", "www.example.com shop.example.com", False),
        ("DETACH_LIVE_DOMAINS", "keep", True),
        ("DETACH_LIVE_DOMAINS", "leave", False),
        ("DETACH_MAX_BINDINGS", "1", True),
        ("DETACH_MAX_BINDINGS", "0", False),
        ("DETACH_BATCH_SIZE", "1000", True),
        ("DETACH_BATCH_SIZE", "1001", False),
        ("DETACH_CONCURRENCY", "64", True),
        ("DETACH_CONCURRENCY", "65", False),
        ("HTTP_TIMEOUT", "2.5", True),
        ("HTTP_TIMEOUT", "300", True),
        ("HTTP_TIMEOUT", "301", False),
        ("HTTP_ATTEMPTS", "20", True),
        ("HTTP_ATTEMPTS", "21", False),
    ],
)
def test_a_pattern_and_the_code_agree(variable: str, value: str, allowed: bool) -> None:
    """What the console takes, the code takes; what the code refuses, the console does."""
    assert bool(re.fullmatch(PARAMETERS[_parameter(variable)]["AllowedPattern"], value)) is allowed
    try:
        settings.load({"SECRET_URI": "file:/s", variable: value}.get)
    except ConfigurationError:
        assert not allowed
    else:
        assert allowed


def test_the_console_shows_each_parameter_once() -> None:
    """The groups leave none out."""
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(PARAMETERS)


@pytest.mark.parametrize("name", [name for name, each in FUNCTIONS.items() if "Events" in each])
def test_a_queue_gives_its_function_time_and_another_chance(name: str) -> None:
    """Partial failures; six timeouts until a message is seen again; a dead-letter queue after four; encrypted."""
    function, mapping = FUNCTIONS[name], FUNCTIONS[name]["Events"]["Batches"]["Properties"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "MaximumConcurrency" in mapping["ScalingConfig"]
    assert mapping["Queue"] == {"Fn::GetAtt": f"Events.Outputs.{name}QueueArn"}
    queue, dead_letters = QUEUES[f"{name}Queue"], QUEUES[f"{name}DeadLetters"]
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": f"{name}DeadLetters.Arn"},
        "maxReceiveCount": 4,
    }
    assert queue["SqsManagedSseEnabled"] is dead_letters["SqsManagedSseEnabled"] is True


def test_only_the_rules_of_the_stack_send_and_only_over_tls() -> None:
    """One policy on every queue: allowed are the rules by their ARN, denied is what comes without TLS."""
    [policy] = of_type("AWS::SQS::QueuePolicy").values()
    assert {each["Ref"] for each in policy["Queues"]} == set(QUEUES)
    allow, deny = policy["PolicyDocument"]["Statement"]
    assert (allow["Effect"], allow["Action"]) == ("Allow", "sqs:SendMessage")
    senders = {each["Fn::GetAtt"] for each in allow["Condition"]["ArnEquals"]["aws:SourceArn"]}
    assert senders == {f"{rule}.Arn" for rule in of_type("AWS::Events::Rule")}
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_functions_may_do_nothing_else() -> None:
    """Every action that a role of a function allows, and on what; one secret, no service as a whole."""
    policies = [each["PolicyDocument"] for each in of_type("AWS::IAM::ManagedPolicy").values()]
    roles = {name: each for name, each in of_type("AWS::IAM::Role").items() if name.removesuffix("Role") in FUNCTIONS}
    assert len(roles) == len(FUNCTIONS)
    for name, role in roles.items():
        assert [each["Ref"] for each in role["ManagedPolicyArns"]] == [
            "FunctionPolicy",
            *(["CredentialsPolicy"] if name != "UndoRole" else []),
            *(["UndoKeyPolicy"] if name != "CleanupPlanRole" else []),
        ]
        policies += [each["PolicyDocument"] for each in role.get("Policies", ())]
    statements = [each for one in policies for each in one["Statement"]]
    actions = {action for each in statements for action in _listed(each["Action"])}
    assert actions == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "secretsmanager:GetSecretValue",
        "kms:Decrypt",
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    }
    assert [each["Sid"] for each in statements if each["Resource"] == "*"] == ["Trace"]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_state_machine_gets_what_it_asks_for() -> None:
    """Each placeholder of the definition has its substitution, and the other way round."""
    machine = of_type("AWS::Serverless::StateMachine")["CleanupMachine"]
    definition = (ROOT / "deploy/aws" / machine["DefinitionUri"]).read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+)\}", definition)) == set(machine["DefinitionSubstitutions"])


def test_the_schedule_can_be_given() -> None:
    """A rate or a cron expression, and a time zone for it."""
    expression = PARAMETERS["CleanupScheduleExpression"]
    for value in (expression["Default"], "rate(1 day)", "rate(12 hours)", "cron(15 3 ? * MON-FRI *)"):
        assert re.fullmatch(expression["AllowedPattern"], value)
    for value in ("daily", "rate(0 days)", "cron(0 2 * * *)"):
        assert not re.fullmatch(expression["AllowedPattern"], value)
    for value in (PARAMETERS["CleanupTimeZone"]["Default"], "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+1"):
        assert re.fullmatch(PARAMETERS["CleanupTimeZone"]["AllowedPattern"], value)
