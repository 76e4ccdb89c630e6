"""The secrets of the function as files, which are rotated while it runs."""

import json
import secrets
import threading
from pathlib import Path

from sandbox import Sandbox


class SecretFiles:
    """`credentials` holds the user's password, `undo_key` the keys that sign undo. Each is replaced in one step."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.sandbox = sandbox
        self.credentials = folder / "credentials.json"
        self.undo_key = folder / "undo-key"
        self._lock = threading.Lock()
        self._keys = [secrets.token_hex(32)]
        self.more: list[str] = []
        """Secrets of others that are to be watched for, too."""
        self._timers: list[threading.Timer] = []
        self.write_credentials()
        self._write(self.undo_key, self._keys[0])

    def rotate_password(self, after: float) -> None:
        """Change it in IAM, and write it to the file so many seconds later; the old tokens end at once."""
        self.sandbox.change_password()
        self.sandbox.revoke_tokens()
        timer = threading.Timer(after, self.write_credentials)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def write_credentials(self) -> None:
        """The password of now."""
        with self._lock:
            self._write(self.credentials, json.dumps(self.sandbox.credentials))

    def rotate_undo_key(self) -> None:
        """A new key on the first line; the old ones stay below it."""
        with self._lock:
            self._keys.insert(0, secrets.token_hex(32))
            self._write(self.undo_key, "\n".join(self._keys))

    def all(self) -> list[str]:
        """Every secret that there has been."""
        return sorted({*self.sandbox.secrets, *self._keys, *self.more})

    def remove(self) -> None:
        """The files and their folder."""
        self.credentials.unlink()
        self.undo_key.unlink()
        self.credentials.parent.rmdir()

    def wait(self) -> None:
        """Until every file is written."""
        for timer in self._timers:
            timer.join()

    @staticmethod
    def _write(path: Path, text: str) -> None:
        part = path.with_name(f".{path.name}.part")
        part.write_text(text, encoding="utf-8")
        part.chmod(0o600)
        part.replace(path)
