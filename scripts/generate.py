"""`make generate`: write into documents and deployments what the tables in src/ say.

The tables: `shared.settings.Settings`, `shared.core.kinds.KINDS`, `shared.core.metrics.METRICS`. A generated part of a
file stands between a line with `generated: NAME` and the next line with `generated: end`; the rest is written by hand.
A test checks that `make generate` would change nothing.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

from shared.core.kinds import KINDS
from shared.core.metrics import METRICS
from shared.settings import Settings

ROOT = Path(__file__).parent.parent


class Setting(NamedTuple):
    """One setting, as deployments write it: `default` is the text of the variable, "" when the code derives it."""

    variable: str
    field: str
    type: type
    default: str
    unset: str
    meaning: str

    @property
    def parameter(self) -> str:
        """Its name in template.yaml: DETACH_DRY_RUN is DryRun, OS_AUTH_URL is OsAuthUrl."""
        return "".join(part.capitalize() for part in self.variable.removeprefix("DETACH_").split("_"))


# What the code does without a value, where it is no plain default.
_UNSET = {
    "SECRET_URI": "required",
    "OS_AUTH_URL": "`https://iam.{region}.otc.t-systems.com/v3`",
    "APIG_ENDPOINT": "`https://apig.{region}.otc.t-systems.com`",
    "OS_PROJECT_ID": "the token's own project",
    "OS_CACERT": "the system's trust store",
    "DETACH_LIVE_DOMAINS": "`detach`, for DNS traces `keep`",
    "UNDO_KEY_URI": "unset",
    "DOOR_BEARER_URI": "unset",
    "DOOR_OIDC_ISSUER": "unset",
    "DOOR_OIDC_AUDIENCE": "unset",
}
# Defaults that are written otherwise than Python writes them.
_WRITTEN = {"DETACH_EXPIRY_GRACE": "P0D", "DETACH_MAX_EVENT_AGE": "P7D", "DETACH_MAX_UNDO_AGE": "P30D"}
# A first deployment changes nothing.
_DEPLOYED = {"DETACH_DRY_RUN": "true"}


def settings() -> Iterator[Setting]:
    """Every setting, in the order of the table."""
    for name, field in Settings.model_fields.items():
        variable = str(field.alias)
        kind = _type_of(field)
        default = _WRITTEN.get(variable) or _text(field.default)
        if variable in _UNSET:
            default = ""
        unset = _UNSET.get(variable) or (f"`{default}`" if default else "empty")
        yield Setting(variable, name, kind, default, unset, str(field.description))


def _text(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return str(default).removesuffix(".0") if default else ""


def _type_of(field: FieldInfo) -> type:
    annotation = field.annotation
    for choice in (annotation, *get_args(annotation)):
        if (get_origin(choice) or choice) in (bool, int, float, tuple):
            return bool if choice is bool else tuple if get_origin(choice) is tuple else int if choice is int else float
    return str


def _of_operators() -> list[Setting]:
    """Those that an operator sets: Knative sets the K_… ones itself."""
    return [setting for setting in settings() if not setting.variable.startswith("K_")]


def _of_functions() -> list[Setting]:
    """Those of a function that has no HTTP door, and whose credentials a deployment writes by hand."""
    by_hand = ("SECRET_URI", "UNDO_KEY_URI")
    return [each for each in _of_operators() if not each.variable.startswith("DOOR_") and each.variable not in by_hand]


def readme_settings() -> Iterator[str]:
    """The table of settings."""
    yield "| name | default | meaning |"
    yield "|---|---|---|"
    for setting in settings():
        yield f"| `{setting.variable}` | {setting.unset} | {setting.meaning} |"
    yield "| `LOG_LEVEL`, `POWERTOOLS_*` | Powertools' own | |"


def readme_kinds() -> Iterator[str]:
    """The table of kinds."""
    yield "| kind | CloudEvents `type` | EventBridge `detail-type` |"
    yield "|---|---|---|"
    for row in KINDS.values():
        types, detail_types = (", ".join(f"`{name}`" for name in names) for names in (row.types, row.detail_types))
        yield f"| {row.title} | {types} | {detail_types} |"


def readme_metrics() -> Iterator[str]:
    """The table of metrics."""
    yield "| metric | unit | counts |"
    yield "|---|---|---|"
    for name, metric in METRICS.items():
        yield f"| `{name}` | {metric.unit} | {metric.meaning} |"


_CREDENTIALS = "file:/etc/apig-certificate-detach/credentials.json"
_UNDO_KEY = "file:/etc/apig-certificate-detach-undo/key"


def knative_env() -> Iterator[str]:
    """The environment of the Knative service."""
    return _knative_env({"SECRET_URI": _CREDENTIALS})


def knative_undo_env() -> Iterator[str]:
    """The environment of the Knative service for undo events."""
    return _knative_env({"SECRET_URI": _CREDENTIALS, "UNDO_KEY_URI": _UNDO_KEY})


def knative_undo_key() -> Iterator[str]:
    """The operations of a JSON patch (RFC 6902) that set UNDO_KEY_URI of the Knative service."""
    place = [setting.variable for setting in _of_operators()].index("UNDO_KEY_URI")
    path = f"/spec/template/spec/containers/0/env/{place}"
    yield f"      - {{op: test, path: {path}/name, value: UNDO_KEY_URI}}"
    yield f'      - {{op: replace, path: {path}/value, value: "{_UNDO_KEY}"}}'


def _knative_env(addresses: dict[str, str]) -> Iterator[str]:
    for setting in _of_operators():
        if setting.variable in addresses:
            yield _env(setting.variable, addresses[setting.variable], "")
            continue
        value = _DEPLOYED.get(setting.variable, setting.default)
        comment = "false, once the reports show what you expect" if setting.variable in _DEPLOYED else ""
        if not value and setting.unset != "empty":
            comment = f"empty: {setting.unset.replace('`', '')}"
        yield _env(setting.variable, value, comment)


def _env(name: str, value: str, comment: str) -> str:
    bare = re.fullmatch(r"[A-Za-z][A-Za-z-]*(?:\d[A-Za-z]?)?", value) and value not in ("true", "false")
    text = value if bare else json.dumps(value)
    return f"            - {{name: {name}, value: {text}}}" + (f"  # {comment}" if comment else "")


def terraform_variables() -> Iterator[str]:
    """A variable for each setting."""
    first = True
    for setting in _terraform():
        value, kind = _DEPLOYED.get(setting.variable, setting.default), "string"
        text = json.dumps(value)
        if setting.type in (bool, int, float):
            kind, text = ("bool" if setting.type is bool else "number"), value
        elif setting.type is tuple:
            kind, text = "list(string)", "[]"
        meaning = setting.meaning.replace("`", "").replace("${", "$${")
        described = f"{setting.variable}: {meaning}." + ("" if value else f" Empty: {setting.unset.replace('`', '')}.")
        if not first:
            yield ""
        first = False
        yield f'variable "{setting.field}" {{'
        yield f"  description = {json.dumps(described.replace('${', '$${').replace('Empty: empty.', 'Empty: none.'))}"
        yield f"  type        = {kind}"
        yield f"  default     = {text}"
        yield "}"


def terraform_settings() -> Iterator[str]:
    """The user data that carries the variables."""
    written = {bool: "tostring(var.{})", int: "tostring(var.{})", float: "tostring(var.{})"}
    written |= {tuple: 'join(",", var.{})'}
    longest = max(len(setting.variable) for setting in _terraform())
    for setting in _terraform():
        yield f"    {setting.variable:{longest}} = {written.get(setting.type, 'var.{}').format(setting.field)}"


def _terraform() -> list[Setting]:
    """Not OS_CACERT: there is no file beside the package."""
    return [setting for setting in _of_functions() if setting.variable != "OS_CACERT"]


def terraform_defaults() -> Iterator[str]:
    """What the code does without the variables: a value like that need not be passed on."""
    longest = max(len(setting.variable) for setting in _terraform())
    for setting in _terraform():
        yield f"    {setting.variable:{longest}} = {json.dumps(setting.default)}"


def sam_environment() -> Iterator[str]:
    """The environment of the Lambda functions."""
    for setting in _of_functions():
        yield f"        {setting.variable}: !Ref {setting.parameter}"


# What CloudFormation refuses before anything is deployed; an empty value is always allowed.
_PATTERNS = {
    "OS_REGION_NAME": "[a-z0-9-]+",
    "OS_AUTH_URL": r"https://[^\s?#@]+",
    "APIG_ENDPOINT": r"https://[^\s?#@]+",
    "OS_PROJECT_ID": "[0-9a-f]{32}",
    "OS_CACERT": r"/\S+",
    "DETACH_DRY_RUN": "true|false",
    "DETACH_EXPIRY_GRACE": r"-?P(?=\d|T\d)(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?",
    "DETACH_PROTECTED_DOMAINS": r"[^\s,]+(\s*,\s*[^\s,]+)*",
    "DETACH_MAX_BINDINGS": r"[1-9]\d{0,5}",
    "DETACH_MAX_CLEANUP_BINDINGS": r"[1-9]\d{0,5}",
    "DETACH_MAX_EVENT_AGE": r"P(?=\d|T\d)(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?",
    "DETACH_LIVE_DOMAINS": "detach|keep",
    "DETACH_PRIVATE_ZONES": "true|false",
    "DETACH_MAX_UNDO_AGE": r"P(?=\d|T\d)(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?",
    "DETACH_BATCH_SIZE": r"[1-9]\d{0,2}|1000",
    "DETACH_CONCURRENCY": r"[1-9]|[1-5]\d|6[0-4]",
    "HTTP_TIMEOUT": r"[1-9]\d?(\.\d+)?|[12]\d\d|300",
    "HTTP_ATTEMPTS": r"[1-9]|1\d|20",
}


def sam_parameters() -> Iterator[str]:
    """A parameter of template.yaml for each setting; an empty one leaves the default to the code."""
    for setting in _of_functions():
        deployed = _DEPLOYED.get(setting.variable, "")
        yield f"  {setting.parameter}:"
        yield "    Type: String"
        yield f"    Default: {json.dumps(deployed)}"
        # What is deployed with a value of its own must not be emptied: without a value, DETACH_DRY_RUN is false.
        yield f"    AllowedPattern: ^({_PATTERNS[setting.variable]}){'' if deployed else '?'}$"
        unset = setting.unset.replace("`", "").replace("empty", "none")
        meaning = f"{setting.variable}. {setting.meaning[:1].upper()}{setting.meaning[1:]}.".replace("`", "")
        described = meaning if deployed else f"{meaning} Empty means {unset}."
        yield f"    Description: {json.dumps(described, ensure_ascii=False)}"


def schemas() -> dict[str, str]:
    """The JSON Schema (draft 2020-12) of each kind's data."""
    return {
        kind: json.dumps(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **row.model.model_json_schema()},
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
        for kind, row in KINDS.items()
    }


PARTS: dict[str, dict[str, Callable[[], Iterator[str]]]] = {
    "README.md": {"settings": readme_settings, "kinds": readme_kinds, "metrics": readme_metrics},
    "deploy/knative/service.yaml": {"settings": knative_env},
    "deploy/knative/undo/service.yaml": {"undo-settings": knative_undo_env},
    "deploy/knative/undo/kustomization.yaml": {"undo-key": knative_undo_key},
    "deploy/functiongraph/variables.tf": {"settings": terraform_variables},
    "deploy/functiongraph/main.tf": {"settings": terraform_settings, "defaults": terraform_defaults},
    "template.yaml": {"parameters": sam_parameters, "environment": sam_environment},
}


def with_parts(text: str, parts: dict[str, Callable[[], Iterator[str]]]) -> str:
    """The text with each of its generated parts as the tables say; raises ValueError for a part without its marks."""
    for name, lines in parts.items():
        begin, end = (rf"^[^\n]*\bgenerated: {mark}\b" for mark in (name, "end"))
        part = re.compile(rf"({begin}[^\n]*\n).*?({end})", re.MULTILINE | re.DOTALL)
        marks = part.search(text)
        if marks is None:
            raise ValueError(f"no part between `generated: {name}` and `generated: end`")
        text = text[: marks.end(1)] + "".join(f"{line}\n" for line in lines()) + text[marks.start(2) :]
    return text


def generated() -> dict[Path, str]:
    """Every file with a generated part, as it should be."""
    files = {ROOT / name: with_parts((ROOT / name).read_text("utf-8"), parts) for name, parts in PARTS.items()}
    return files | {ROOT / "events/schemas" / f"{kind}.json": text for kind, text in schemas().items()}


def main() -> None:
    """Write what has changed, and name it."""
    for path, text in generated().items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
