"""`python -m scripts.check_manifests FILE…`: checks Knative manifests with cloudcoil's models of the CRDs.

A field that is not in the CRD is an error too: the models drop it, as the API server would.
"""

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # about model fields that shadow others
    from cloudcoil.models.knative_eventing.eventing import v1 as eventing
    from cloudcoil.models.knative_eventing.sources import v1 as sources
    from cloudcoil.models.knative_serving.serving import v1 as serving

MODELS = {
    ("serving.knative.dev/v1", "Service"): serving.Service,
    ("eventing.knative.dev/v1", "Trigger"): eventing.Trigger,
    ("sources.knative.dev/v1", "PingSource"): sources.PingSource,
    ("sources.knative.dev/v1", "SinkBinding"): sources.SinkBinding,
}
# Fields that are not in the CRD, but that the API server keeps ("x-kubernetes-preserve-unknown-fields").
KEPT = {"spec.delivery.timeout"}  # the feature delivery-timeout, on by default


def dropped(given: Any, known: Any, path: str) -> Iterator[str]:
    """The paths of the fields in `given` that are not in `known`."""
    if isinstance(given, dict):
        for name, value in given.items():
            inner = f"{path}.{name}".removeprefix(".")
            if name not in known:
                yield inner
            else:
                yield from dropped(value, known[name], inner)
    elif isinstance(given, list):
        for value, other in zip(given, known, strict=True):
            yield from dropped(value, other, path)


def main() -> None:
    """Check every document; exit with 1 if one of them does not match its CRD."""
    wrong = False
    for path in map(Path, sys.argv[1:]):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            model = MODELS.get((document["apiVersion"], document["kind"]))
            if model is None:
                print(f"{path}: {document['kind']} is not checked")
                continue
            read = model.model_validate(document).model_dump(mode="json", by_alias=True, exclude_unset=True)
            unknown = set(dropped(document, read, "")) - KEPT
            wrong = wrong or bool(unknown)
            name = f"{document['kind']} {document['metadata']['name']}"
            print(f"{path}: {name}: {'unknown ' + ', '.join(sorted(unknown)) if unknown else 'ok'}")
    sys.exit(wrong)


if __name__ == "__main__":
    main()
