"""deploy/functiongraph/ agrees with itself and with the code."""

import re
from pathlib import Path
from typing import Any

import hcl2
import pytest

from shared import settings
from tests.platform.test_manifests import functions
from tests.support.deliveries import parsed

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "deploy" / "functiongraph"
SINK = {"K_SINK", "K_CE_OVERRIDES", "K_CA_CERTS"}  # Knative's


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


@pytest.mark.parametrize("name", ["detach", "undo"])
def test_the_terraform_function_fits_the_package(name: str) -> None:
    """Its handler and initializer exist, and its runtime is the one that the package is made for."""
    function = terraform("resource")[f"opentelekomcloud_fgs_function_v2.{name}"]
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
    references = set(re.findall(r"\b(opentelekomcloud_\w+\.\w+)(?:\[(?:0|\*)\])?\.\w+", text))
    assert references
    assert references <= set(terraform("resource"))


def actions_of(role: str) -> set[str]:
    """What a role of agency.tf or undo.tf allows."""
    statements = terraform("resource")[f"opentelekomcloud_identity_role_v3.{role}"]["statement"]
    return {action for statement in statements for action in statement["action"]}


def test_the_policy_names_each_action_and_none_that_deletes() -> None:
    """No wildcard. The one detaches, the other attaches, and neither may do both."""
    detach, undo = actions_of("detach"), actions_of("undo")
    assert {"apig:certificate:batchUnbindDomain", "apig:instances:list", "apig:groups:list"} <= detach
    assert not [action for action in detach | undo if "*" in action or "delete" in action.lower()]
    assert not [action for action in detach if "bind" in action.lower().replace("unbind", "")]
    assert undo - detach == {"apig:certificate:batchBindDomain"}
    assert not [action for action in undo if "unbind" in action.lower()]


def test_terraform_makes_nothing_of_the_undo_without_a_key() -> None:
    """Each of its resources has the count that the key decides; the others know nothing of it."""
    assert terraform("variable")["undo_key"]["default"] == ""
    assert terraform("variable")["undo_key"]["sensitive"] is True
    resources = terraform("resource")
    of_the_undo = {name for name in resources if name.endswith(".undo")}
    assert len(of_the_undo) == 6
    assert {resources[name]["count"] for name in of_the_undo} == {"${local.undo}"}
    assert not [name for name in set(resources) - of_the_undo if re.search(r"\.undo\b", str(resources[name]))]
    text = (TERRAFORM / "undo.tf").read_text()
    assert 'undo = nonsensitive(var.undo_key != "") ? 1 : 0\n' in text


def test_each_terraform_function_has_its_own_agency_and_the_key() -> None:
    """The key is in the encrypted user data; the plain ones tell where it is."""
    for name, own in (("detach", "detach"), ("undo", "undo[0]")):
        function = terraform("resource")[f"opentelekomcloud_fgs_function_v2.{name}"]
        agency = f"${{opentelekomcloud_identity_agency_v3.{own}.name}}"
        assert (function["agency"], function["app_agency"]) == (agency, agency)
        assert "local.undo_key" in function["encrypted_user_data"]
        assert "undo_key" not in function["user_data"]
        assert "local.settings" in function["user_data"]
    assert 'UNDO_KEY_URI = "env:UNDO_KEY"' in (TERRAFORM / "main.tf").read_text()


def test_the_timer_is_a_clean_up() -> None:
    """Its user_event need not say the kind."""
    data = str(terraform("resource")["opentelekomcloud_fgs_trigger_v2.timer"]["event_data"])
    (user_event,) = re.findall(r'user_event = "([^"]*)"', data)
    timer = {"trigger_type": "TIMER", "trigger_name": "t", "time": "2026-02-04T02:00:00Z", "user_event": user_event}
    assert parsed(timer).kind == "scheduled_cleanup"
