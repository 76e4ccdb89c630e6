"""deploy/knative/ and the Dockerfile agree with each other and with the code; the doors have what they name."""

import ast
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile_parse import DockerfileParser

from shared import settings
from shared.core.kinds import KINDS
from tests.support.deliveries import parsed

ROOT = Path(__file__).parents[2]
KNATIVE = ROOT / "deploy" / "knative"
SINK = {"K_SINK", "K_CE_OVERRIDES", "K_CA_CERTS"}  # a SinkBinding puts them there

# The CloudEvents types of each trigger. `apig.detach.completed` is our own reply, and must not come back.
TYPES = {kind.replace("_", "-"): set(row.types) for kind, row in KINDS.items()}
UNDO = "apig-certificate-detach-undo"
SAMPLES = {
    "certificate-expiry": "certificate_expired",
    "domain-decommission": "domain_decommissioned",
    "scheduled-cleanup": "cleanup_due",
    "undo": "detach_undo",
}


def documents(kind: str, folders: str = "**") -> dict[str, dict[str, Any]]:
    """The Knative resources of a kind, by their names: with the optional ones, or of one folder alone."""
    paths = sorted(KNATIVE.glob(f"{folders}/*.yaml"))
    read = [each for path in paths for each in yaml.safe_load_all(path.read_text())]
    return {each["metadata"]["name"]: each for each in read if each["kind"] == kind}


def service(name: str = "apig-certificate-detach") -> dict[str, Any]:
    """The pod template of our service."""
    template: dict[str, Any] = documents("Service")[name]["spec"]["template"]["spec"]
    return template


def variables_of(template: dict[str, Any]) -> dict[str, str]:
    """The environment of a service."""
    return {entry["name"]: entry["value"] for entry in template["containers"][0]["env"]}


def dockerfile(instruction: str) -> str:
    """The value of the last instruction of that name."""
    steps = DockerfileParser(path=str(ROOT / "Dockerfile")).structure
    return [str(step["value"]) for step in steps if step["instruction"] == instruction][-1]


def image_variables() -> dict[str, str]:
    """The image's own environment."""
    return dict(pair.split("=", 1) for pair in shlex.split(dockerfile("ENV")))


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
        subscriber = UNDO if trigger is triggers["undo"] else "apig-certificate-detach"
        assert trigger["spec"]["subscriber"]["ref"]["name"] == subscriber


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
    assert "components" not in kustomization, "undo by event is off until it is asked for"
    assert kustomization["images"][0]["name"] == service()["containers"][0]["image"]


def test_no_undo_event_is_delivered_until_the_component_is_asked_for() -> None:
    """There is no trigger, no service and no key for it; the component has them all."""
    assert set(documents("Trigger", ".")) == set(TYPES) - {"undo"}
    assert UNDO not in documents("Service", ".")
    assert variables_of(service())["UNDO_KEY_URI"] == ""
    component = yaml.safe_load((KNATIVE / "undo" / "kustomization.yaml").read_text())
    assert component["kind"] == "Component"
    files = {path.name for path in (KNATIVE / "undo").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(component["resources"]) == files


def test_the_service_for_undo_has_its_own_secrets_and_nothing_else_differs() -> None:
    """What is changed in service.yaml belongs into undo/service.yaml, too."""
    ours, its = service(), service(UNDO)
    assert its["containers"][0]["image"] == ours["containers"][0]["image"]
    assert variables_of(its) == variables_of(ours) | {
        "UNDO_KEY_URI": "file:/etc/apig-certificate-detach-undo/key",
        "FUNCTION_TARGET": "undo",
    }
    assert {volume["name"]: volume["secret"]["secretName"] for volume in its["volumes"]} == {
        "credentials": "apig-certificate-detach-undo",
        "undo-key": "apig-certificate-detach-undo-key",
    }
    for template in (ours, its):
        for name in ("env", "volumeMounts"):
            template["containers"][0].pop(name)
        template.pop("volumes")
    assert its == ours
    assert documents("Service")[UNDO]["metadata"]["labels"] == {"networking.knative.dev/visibility": "cluster-local"}


def test_with_the_component_the_service_that_detaches_signs() -> None:
    """Its patch, carried out: the key is mounted where UNDO_KEY_URI says, and nothing else has changed."""
    component = yaml.safe_load((KNATIVE / "undo" / "kustomization.yaml").read_text())
    [patch] = component["patches"]
    resources = [each for kind in ("Service", "Trigger", "PingSource") for each in documents(kind).values()]
    [target] = [each for each in resources if re.fullmatch(patch["target"]["name"], each["metadata"]["name"])]
    assert f"{patch['target']['group']}/{patch['target']['version']}" == target["apiVersion"]
    before = service()
    for operation in yaml.safe_load(patch["patch"]):
        _carry_out(operation, target)
    after = target["spec"]["template"]["spec"]
    assert variables_of(after) == variables_of(before) | {"UNDO_KEY_URI": "file:/etc/apig-certificate-detach-undo/key"}
    assert after["volumes"][1:] == service(UNDO)["volumes"][1:]
    assert after["containers"][0]["volumeMounts"][1:] == service(UNDO)["containers"][0]["volumeMounts"][1:]


def _carry_out(operation: dict[str, Any], document: Any) -> None:
    """One operation of a JSON patch (RFC 6902)."""
    *parents, last = operation["path"].removeprefix("/").split("/")
    for step in parents:
        document = document[int(step) if isinstance(document, list) else step]
    match operation["op"]:
        case "test":
            assert document[last] == operation["value"]
        case "replace":
            assert last in document
            document[last] = operation["value"]
        case "add":
            assert last == "-"
            document.append(operation["value"])
        case other:
            raise ValueError(other)


def test_the_image_starts_without_root_and_without_a_shell() -> None:
    """The user is a number, so that runAsNonRoot can be checked. The CMD gets the SIGTERM itself: it has no shell."""
    user, group = map(int, dockerfile("USER").split(":"))
    assert min(user, group) > 0
    assert json.loads(dockerfile("CMD"))[0] == "gunicorn"
    assert image_variables()["FUNCTION_TARGET"] in functions("main.py")


def functions(door: str) -> set[str]:
    """The names of a door's public functions."""
    tree = ast.parse((ROOT / "src" / door).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"}


@pytest.mark.parametrize("door", ["index.py", "lambda_function.py", "main.py"])
def test_each_door_has_a_function_for_each_kind_and_one_for_all(door: str) -> None:
    """A platform's setting names one of them."""
    assert {*KINDS, "handler"} <= functions(door)
