"""The key that signs `undo` in the tests, and a signer of their own: it knows nothing of the code under test."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

UNDO_KEY = "kJ4w-zQx7Ypt_vLm0Nsr9Ugh3Ioq6Tnz8Wyk1Mpx5"  # no run of it is hex: an id could not be taken for it
SETTINGS = {"UNDO_KEY_URI": "env:TEST_UNDO_KEY", "TEST_UNDO_KEY": UNDO_KEY}


def now() -> str:
    """The time as it is written in a signature."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def signature(undo: list[Any], project_id: str, key: str = UNDO_KEY, signed_at: str | None = None) -> dict[str, str]:
    """The `undo_signature` of a list."""
    signed_at = signed_at or now()
    text = json.dumps(undo, sort_keys=True, separators=(",", ":"))
    of_what = f'"form":"apig-certificate-detach undo 1","project_id":"{project_id}","signed_at":"{signed_at}"'
    return {
        "key_id": _hmac(key, "apig-certificate-detach undo key id 1")[:16],
        "signed_at": signed_at,
        "signature": _hmac(key, f'{{{of_what},"undo":{text}}}'),
    }


def signed(undo: list[Any], project_id: str, **facts: Any) -> dict[str, Any]:
    """The data of an undo event, as an outcome holds it."""
    return {"undo": undo, "undo_signature": signature(undo, project_id, **facts)}


def signed_within(value: Any, project_id: str) -> Any:
    """The same event, with every `undo` list in it signed anew."""
    if isinstance(value, dict):
        inner = {name: signed_within(each, project_id) for name, each in value.items()}
        return inner | signed(inner["undo"], project_id) if isinstance(inner.get("undo"), list) else inner
    return [signed_within(each, project_id) for each in value] if isinstance(value, list) else value


def _hmac(key: str, message: str) -> str:
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()
