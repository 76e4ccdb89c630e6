"""deploy/knative/, deploy/functiongraph/ and the Dockerfile agree with each other and with the code."""

import ast
import json
import re
import shlex
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml
from dockerfile_parse import DockerfileParser

from shared import settings
from shared.core.kinds import KINDS
from tests.support.deliveries import parsed

ROOT = Path(__file__).parents[2]
KNATIVE = ROOT / "deploy" / "knative"
TERRAFORM = ROOT / "deploy" / "functiongraph"
SINK = {"K_SINK", "K_CE_OVERRIDES", "K_CA_CERTS"}  # a SinkBinding puts them there

# The CloudEvents types of each trigger. `apig.detach.completed` is our own reply, and must not come back.
TYPES = {kind.replace("_", "-"): set(row.types) for kind, row in KINDS.items()}
SAMPLES = {
    "certificate-expiry": "certificate_expired",
    "domain-decommission": "domain_decommissioned",
    "scheduled-cleanup": "cleanup_due",
    "undo": "detach_undo",
}


def documents(kind: str) -> dict[str, dict[str, Any]]:
    """The Knative resources of a kind, by their names."""
    read = [each for path in sorted(KNATIVE.glob("*.yaml")) for each in yaml.safe_load_all(path.read_text())]
    return {each["metadata"]["name"]: each for each in read if each["kind"] == kind}


def service() -> dict[str, Any]:
    """The pod template of our service."""
    template: dict[str, Any] = documents("Service")["apig-certificate-detach"]["spec"]["template"]["spec"]
    return template


def dockerfile(instruction: str) -> str:
    """The value of the last instruction of that name."""
    steps = DockerfileParser(path=str(ROOT / "Dockerfile")).structure
    return [str(step["value"]) for step in steps if step["instruction"] == instruction][-1]


def image_variables() -> dict[str, str]:
    """The image's own environment."""
    return dict(pair.split("=", 1) for pair in shlex.split(dockerfile("ENV")))


def terraform(block: str) -> dict[str, Any]:
    """All blocks of a kind, by name; `type.name` for resources."""
    found: dict[str, Any] = {}
    for path in sorted(TERRAFORM.glob("*.tf")):
        for entry in _plain(hcl2.loads(path.read_text())).get(block, []):
            for name, content in entry.items():
                if block == "resource":
                    found |= {f"{name}.{inner}": body for inner, body in content.items()}
                else:
                    found[name] = content
    return found


def _plain(value: Any) -> Any:
    """The same without what the parser adds: quotes around strings, and its keys for comments and blocks."""
    if isinstance(value, dict):
        return {_plain(key): _plain(inner) for key, inner in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value[1:-1] if isinstance(value, str) and value[:1] == value[-1:] == '"' else value


# --- Knative ---


def test_the_service_lists_every_setting() -> None:
    """An operator sees all that can be set, and nothing else. The values are the code's own defaults, but a dry run."""
    variables = {entry["name"]: entry["value"] for entry in service()["containers"][0]["env"]}
    assert set(variables) == (set(settings.VARIABLES) - SINK) | {"LOG_LEVEL", "CLOUD_RUN_TIMEOUT_SECONDS"}
    loaded = settings.load(variables.get, variables)
    assert loaded.dry_run, "a first deployment must change nothing"
    secret = {"SECRET_URI": variables["SECRET_URI"], "DETACH_DRY_RUN": "true"}
    assert loaded == settings.load(secret.get), "the service's values and the code's defaults differ"


def test_the_limits_of_service_and_image_agree() -> None:
    """One timeout for platform, function and drain; as many threads as requests at once; one port."""
    template, image = service(), image_variables()
    variables = {entry["name"]: entry["value"] for entry in template["containers"][0]["env"]}
    assert variables["CLOUD_RUN_TIMEOUT_SECONDS"] == str(template["timeoutSeconds"])
    assert f"--graceful-timeout={template['timeoutSeconds']} " in image["GUNICORN_CMD_ARGS"] + " "
    assert image["THREADS"] == str(template["containerConcurrency"])
    assert template["containers"][0]["ports"] == [{"containerPort": int(image["PORT"])}]
    assert template["containers"][0]["readinessProbe"]["httpGet"] == {"path": "/health", "port": int(image["PORT"])}


def test_secret_uri_names_the_mounted_file() -> None:
    """The secret is mounted where the function looks for it."""
    template = service()
    (mount,) = template["containers"][0]["volumeMounts"]
    (volume,) = template["volumes"]
    (item,) = volume["secret"]["items"]
    variables = {entry["name"]: entry["value"] for entry in template["containers"][0]["env"]}
    assert mount["name"] == volume["name"]
    assert mount["readOnly"]
    assert variables["SECRET_URI"] == f"file:{mount['mountPath']}/{item['path']}"


def test_no_container_has_more_rights_than_it_needs() -> None:
    """No container is root, has a capability, or can write to its file system."""
    for each in documents("Service").values():
        template = each["spec"]["template"]["spec"]
        assert template["automountServiceAccountToken"] is False
        (container,) = template["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }


@pytest.mark.parametrize("name", TYPES)
def test_each_trigger_takes_the_types_of_its_kind(name: str) -> None:
    """All types of the kind, and no others; the code reads each of them as that kind."""
    (filters,) = documents("Trigger")[name]["spec"]["filters"]
    assert set(re.findall(r"'type': '([^']+)'", str(filters))) == TYPES[name]
    event = json.loads((ROOT / "events" / "cloudevents" / f"{SAMPLES[name]}.json").read_text())
    for event_type in TYPES[name]:
        assert parsed(event | {"type": event_type}).kind == name.replace("-", "_")


def test_there_is_a_trigger_for_every_kind() -> None:
    """Each retries, waits longer each time, and keeps what failed."""
    triggers = documents("Trigger")
    assert set(triggers) == set(TYPES)
    for trigger in triggers.values():
        delivery = trigger["spec"]["delivery"]
        assert (delivery["retry"], delivery["backoffPolicy"], delivery["backoffDelay"]) == (9, "exponential", "PT2S")
        assert int(delivery["timeout"].removeprefix("PT").removesuffix("S")) > service()["timeoutSeconds"]
        assert delivery["deadLetterSink"]["ref"]["name"] in documents("Service")
        assert trigger["spec"]["subscriber"]["ref"]["name"] == "apig-certificate-detach"


def test_the_schedule_reaches_its_trigger() -> None:
    """The PingSource sends to the trigger's broker, its source passes the filter, and what it sends is a clean-up."""
    (source,) = documents("PingSource").values()
    cleanup = documents("Trigger")["scheduled-cleanup"]["spec"]
    assert source["spec"]["sink"]["ref"]["name"] == cleanup["broker"]
    (suffix,) = re.findall(r"'suffix': {'source': '([^']+)'}", str(cleanup["filters"]))
    sent = f"/apis/v1/namespaces/default/pingsources/{source['metadata']['name']}"
    assert sent.endswith(suffix)
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": sent, "ce-type": "dev.knative.sources.ping"}
    headers["content-type"] = source["spec"]["contentType"]
    assert parsed(source["spec"]["data"].encode(), headers=headers).kind == "scheduled_cleanup"


def test_kustomization_applies_every_file_but_the_optional_one() -> None:
    """`kubectl apply -k` applies all files except fan-out.yaml, which says so itself."""
    kustomization = yaml.safe_load((KNATIVE / "kustomization.yaml").read_text())
    files = {path.name for path in KNATIVE.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files - {"fan-out.yaml"}
    assert kustomization["images"][0]["name"] == service()["containers"][0]["image"]


def test_the_image_starts_without_root_and_without_a_shell() -> None:
    """The user is a number, so that runAsNonRoot can be checked. The CMD gets the SIGTERM itself: it has no shell."""
    user, group = map(int, dockerfile("USER").split(":"))
    assert min(user, group) > 0
    assert json.loads(dockerfile("CMD"))[0] == "gunicorn"
    assert image_variables()["FUNCTION_TARGET"] in functions("main.py")


# --- FunctionGraph ---


def functions(door: str) -> set[str]:
    """The names of a door's public functions."""
    tree = ast.parse((ROOT / "src" / door).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"}


@pytest.mark.parametrize("door", ["index.py", "lambda_function.py", "main.py"])
def test_each_door_has_a_function_for_each_kind_and_one_for_all(door: str) -> None:
    """A platform's setting names one of them."""
    assert {*KINDS, "handler"} <= functions(door)


def test_the_terraform_function_fits_the_package() -> None:
    """Its handler and initializer exist, and its runtime is the one that the package is made for."""
    function = terraform("resource")["opentelekomcloud_fgs_function_v2.detach"]
    for setting in ("handler", "initializer_handler"):
        module, _, name = function[setting].partition(".")
        assert name in functions(f"{module}.py")
    version = function["runtime"].removeprefix("Python")
    assert f"FUNCTIONGRAPH_PYTHON := {version}\n" in (ROOT / "make" / "functiongraph.mk").read_text()


def test_terraform_sets_every_setting() -> None:
    """All but the CA file, for which there is no place, the HTTP door's, and the sink, which is Knative's."""
    given = terraform("locals")["given"]
    door = {name for name in settings.VARIABLES if name.startswith("DOOR_")}
    assert set(given) == set(settings.VARIABLES) - SINK - door - {"OS_CACERT", "SECRET_URI", "UNDO_KEY_URI"}
    assert terraform("variable")["dry_run"]["default"] is True


def test_terraform_passes_the_codes_own_defaults() -> None:
    """A setting that nobody changes means the same as without it, a dry run excepted, and is left out."""
    defaults = {name: variable.get("default") for name, variable in terraform("variable").items()}
    given = {
        name: _text(defaults[found[1]])
        for name, value in terraform("locals")["given"].items()
        if (found := re.search(r"\bvar\.(\w+)", str(value)))
    }
    assert set(given) == set(terraform("locals")["given"])
    left_out = {name: str(value) for name, value in terraform("locals")["defaults"].items()}
    assert {name for name in given if given[name] != left_out[name]} == {"DETACH_DRY_RUN"}
    for values in (given, left_out):
        loaded = settings.load({**values, "SECRET_URI": "functiongraph:", "DETACH_DRY_RUN": "false"}.get, values)
        assert loaded == settings.load({"SECRET_URI": "functiongraph:"}.get)


def _text(value: Any) -> str:
    """The value of a Terraform variable as main.tf hands it over."""
    return ",".join(value) if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else str(value)


def test_terraform_variables_and_references_exist() -> None:
    """Each variable is declared and used, and each reference names a resource that there is."""
    text = "".join(re.sub(r"#.*", "", path.read_text()) for path in TERRAFORM.glob("*.tf"))
    assert set(re.findall(r"\bvar\.(\w+)", text)) == set(terraform("variable"))
    references = set(re.findall(r"\b(opentelekomcloud_\w+\.\w+)\.\w+", text))
    assert references
    assert references <= set(terraform("resource"))


def test_the_policy_names_each_action_and_none_that_deletes() -> None:
    """No wildcard."""
    role = terraform("resource")["opentelekomcloud_identity_role_v3.detach"]
    actions = {action for statement in role["statement"] for action in statement["action"]}
    assert {"apig:certificate:batchUnbindDomain", "apig:instances:list", "apig:groups:list"} <= actions
    assert not [action for action in actions if "*" in action or "delete" in action.lower()]


def test_the_timer_is_a_clean_up() -> None:
    """Its user_event need not say the kind."""
    data = str(terraform("resource")["opentelekomcloud_fgs_trigger_v2.timer"]["event_data"])
    (user_event,) = re.findall(r'user_event = "([^"]*)"', data)
    timer = {"trigger_type": "TIMER", "trigger_name": "t", "time": "2026-02-04T02:00:00Z", "user_event": user_event}
    assert parsed(timer).kind == "scheduled_cleanup"
