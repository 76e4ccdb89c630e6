"""Which `undo` is ours: its signature, an HMAC-SHA256 over its canonical JSON, the project's id and the time.

An undo attaches what it names. Without a signature, whoever may send events could put any certificate on any domain.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.core.errors import ConfigurationError, InvalidEvent
from shared.core.event_data import DetachUndo
from shared.core.secret import Secret, each_in

SHORTEST = 32  # bytes of a key, as long as the HMAC itself
MOST_AHEAD = timedelta(minutes=15)  # what two clocks may differ by, see apig/clock.py

# Both are part of what is signed or derived: another form of signature takes another word.
_FORM = "apig-certificate-detach undo 1"
_KEY_ID = b"apig-certificate-detach undo key id 1"


@dataclass(frozen=True, slots=True)
class UndoSigner:
    """Signs every `undo` that one event tells: for this project, at this time (UTC)."""

    key: Secret
    project_id: str
    signed_at: datetime

    def signature(self, undo: Sequence[Any]) -> dict[str, str]:
        """`undo_signature`: `key_id`, `signed_at` (RFC 3339 in UTC, whole seconds), `signature` (hex)."""
        signed_at = self.signed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        signature = _hmac(self.key, _canonical(undo, self.project_id, signed_at))
        return {"key_id": key_id(self.key), "signed_at": signed_at, "signature": signature}


def undo_fields(undo: Sequence[Any], signer: UndoSigner | None) -> dict[str, Any]:
    """`undo`, and `undo_signature` beside it. There is none without a key; an empty list needs none."""
    if signer is None or not undo:
        return {"undo": undo}
    return {"undo": undo, "undo_signature": signer.signature(undo)}


def parse_keys(secret: Secret) -> tuple[Secret, ...]:
    """The keys that the secret at UNDO_KEY_URI holds: the first signs, every one verifies.

    It is text with a key a line, or a JSON object whose `key` is such a text or a list of keys. Raises
    ConfigurationError, which never repeats a value.
    """
    try:
        keys = each_in(secret, "key")
    except ValueError as exc:
        raise ConfigurationError(f"UNDO_KEY_URI: {exc}") from None
    short = [number for number, key in enumerate(keys, start=1) if len(key.reveal().encode()) < SHORTEST]
    if not keys or short:
        which = f"key {short[0]} of {len(keys)} is too short" if short else "there is no key"
        raise ConfigurationError(
            f"UNDO_KEY_URI: {which}; expected {SHORTEST} bytes or more, as of openssl rand -hex 32"
        )
    return keys


def key_id(key: Secret) -> str:
    """The name of a key: derived with the key itself, so that nothing can be tried against a plain hash of it."""
    return _hmac(key, _KEY_ID)[:16]


def check_claim(data: DetachUndo, max_age: timedelta, now: datetime) -> None:
    """Refuse an undo that claims no signature, or one of the wrong time, before anything is asked.

    `now` is this machine's time. Raises InvalidEvent.
    """
    signature = data.undo_signature
    if signature is None:
        raise InvalidEvent(
            "undo_signature",
            "expected the one beside the `undo` of an outcome or a log line; an undo from the shell needs none",
        )
    field = "undo_signature.signed_at"
    try:
        age = now - datetime.fromisoformat(signature.signed_at)
    except ValueError:
        raise InvalidEvent(field, f"expected a date, not {signature.signed_at!r}") from None
    if age > max_age:
        raise InvalidEvent(field, f"{signature.signed_at} is longer ago than DETACH_MAX_UNDO_AGE allows")
    if age < -MOST_AHEAD:
        raise InvalidEvent(field, f"{signature.signed_at} is in the future by our clock")


def key_of(data: DetachUndo, keys: Iterable[Secret]) -> Secret | None:
    """The key that an undo says it is signed with; None when it is none of these."""
    return next((key for key in keys if data.undo_signature and key_id(key) == data.undo_signature.key_id), None)


def check_signature(data: DetachUndo, key: Secret, project_id: str) -> None:
    """Refuse an undo that was changed since it was signed, or signed with another key or for another project.

    What is checked is what will be attached: the entries as they were parsed. Raises InvalidEvent.
    """
    undo = [entry.model_dump(exclude_unset=True) for entry in data.undo]
    claim = data.undo_signature
    if claim is None or not hmac.compare_digest(
        _hmac(key, _canonical(undo, project_id, claim.signed_at)), claim.signature
    ):
        raise InvalidEvent("undo_signature.signature", "does not fit: `undo` was changed, or is another project's")


def _canonical(undo: Sequence[Any], project_id: str, signed_at: str) -> bytes:
    """What is signed. The order of keys, white space and escapes of the JSON that was sent do not matter."""
    content = {"form": _FORM, "project_id": project_id, "signed_at": signed_at, "undo": undo}
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _hmac(key: Secret, message: bytes) -> str:
    return hmac.new(key.reveal().encode(), message, hashlib.sha256).hexdigest()
