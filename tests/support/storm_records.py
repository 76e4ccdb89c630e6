"""Records of a storm written by hand, for the tests of its oracle."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.storm.oracle import judge

STARTED, WALL = 1000.0, 1_800_000_000.0
CERT, OTHER = "a" * 32, "b" * 32
GATEWAY, GATEWAY_2 = "1" * 32, "2" * 32
DAY = 86_400.0

Row = tuple[str, str, bool]  # domain, gateway, client verification


def date(seconds: float) -> str:
    """RFC 3339, so many seconds after the start."""
    return datetime.fromtimestamp(WALL + seconds, UTC).isoformat()


def entries(rows: list[Row], **more: Any) -> list[dict[str, Any]]:
    """Rows in the shape of `undo`."""
    return [
        {"domain": domain, "instance_ids": [gateway], "verified_client_certificate_enabled": flag, **more}
        for domain, gateway, flag in rows
    ]


def bare(rows: list[Row]) -> list[dict[str, Any]]:
    """Rows in the shape of `detached`."""
    return [{"domain": domain, "instance_ids": [gateway]} for domain, gateway, _ in rows]


class Story:
    """A run as it is told, fact by fact. Times are seconds after its start."""

    def __init__(self, *, expired: bool = True, rows: list[Row] | None = None, **settings: Any) -> None:
        self.rows = rows if rows is not None else [("a.example.com", GATEWAY, False), ("b.example.com", GATEWAY, True)]
        self.settings = {
            "max_bindings": 10,
            "max_cleanup_bindings": 20,
            "protected": [],
            "live_domains": None,
            "expiry_grace_seconds": 0,
            "max_event_age_seconds": 7 * DAY,
            "platform_timeout_seconds": 20,
            **settings,
        }
        self.run: dict[str, Any] = {"seed": 7, "door": "http", "senders": 8, "planned": 10, "faults": 0.2}
        self.fleet: dict[str, list[dict[str, Any]]] = {"gateways": [], "certificates": [], "domains": []}
        self.certificate(CERT, -DAY if expired else DAY)
        for name, gateway, flag in self.rows:
            self.domain(name, gateway, flag=flag)
        self.lines: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("requests", "changes", "deliveries", "meanings", "samples", "undo")
        }
        self.secrets: list[str] = []
        self.log: list[str] = []
        self._n = 0

    def certificate(self, certificate_id: str, not_after: float, name: str = "a.example.com") -> None:
        self.fleet["certificates"].append({"id": certificate_id, "common_name": name, "not_after": date(not_after)})

    def domain(
        self,
        name: str,
        gateway: str,
        *,
        flag: bool = False,
        holder: str | None = CERT,
        status: int = 1,
    ) -> None:
        self.fleet["domains"].append(
            {
                "name": name,
                "gateway_id": gateway,
                "status": status,
                "certificate_id": holder,
                "verified_client_certificate_enabled": flag,
            }
        )

    def event(self, number: int = 0, kind: str | None = "certificate_expiry", **fields: Any) -> None:
        meaning = {
            "event": number,
            "id": f"event-{number}",
            "kind": kind,
            "expected_error": None if kind else "InvalidEvent",
            "certificate_id": CERT if kind == "certificate_expiry" else None,
            "dry_run": False,
            **fields,
        }
        self.lines["meanings"].append(meaning)

    def request(self, at: float, method: str, path: str, body: Any = None, **fields: Any) -> int:
        """`status` 204 for a write and 200 for a read, without a fault."""
        self._n += 1
        known = {"status": 204 if method == "POST" else 200, "error_code": None, "fault": None, "service": "apig"}
        self.lines["requests"].append(
            {
                "n": self._n,
                "at": STARTED + at,
                "answered_at": STARTED + at,
                "method": method,
                "path": f"/v2/p/apigw/{path}",
                "query": {},
                "body": body,
                **known,
                **fields,
            }
        )
        return self._n

    def change(self, at: float, what: str, row: Row | None = None, by: Any = "neighbour", **fields: Any) -> None:
        self._n += 1
        domain, gateway, flag = row or (None, None, False)
        self.lines["changes"].append(
            {
                "n": self._n,
                "at": STARTED + at,
                "by": by,
                "what": what,
                "certificate_id": CERT,
                "domain": domain,
                "instance_id": gateway,
                "verified": flag,
                "not_after": None,
                "all_gateways": False,
                **fields,
            }
        )

    def renewed(self, at: float, certificate_id: str = CERT) -> None:
        self.change(at, "renewed", certificate_id=certificate_id, not_after=date(365 * DAY))

    def plan(self, at: float, rows: list[Row], number: int = 0, action: str = "detach", holder: str = CERT) -> None:
        undo = [{"certificate_id": holder, "domains": entries(rows)}]
        self.say(at, f"{action}.plan", number, **{"undo" if action == "detach" else "attach": undo})

    def write(self, at: float, rows: list[Row], action: str = "detach", holder: str = CERT, **fields: Any) -> int:
        """A write and what it changes; with `done=False` it changes nothing."""
        done = fields.pop("done", True)
        body = {"domains": entries(rows) if action == "attach" else bare(rows)}
        number = self.request(at, "POST", f"certificates/{holder}/domains/{action}", body, **fields)
        for row in rows if done else ():
            self.change(at, f"{action}ed", row, number, certificate_id=holder)
        return number

    def say(self, at: float, message: str, number: int = 0, **fields: Any) -> None:
        line = {"level": "INFO", "message": message, "timestamp": date(at), "event_id": f"event-{number}", **fields}
        self.log.append(json.dumps(line))

    def deliver(
        self, sent: float, answered: float, number: int = 0, result: str = "acknowledged", **fields: Any
    ) -> None:
        """One attempt; `outcome` is told by a report line, too, unless `report` is False."""
        report = fields.pop("report", True)
        outcome, error = fields.get("outcome"), fields.get("error")
        ends = {"acknowledged": "acknowledged", "refused": "dead_lettered"}
        status = {"acknowledged": 200, "refused": 422, "retryable": 503, "no_answer": None}[result]
        self.lines["deliveries"].append(
            {
                "event": number,
                "id": f"event-{number}",
                "attempt": 1,
                "batch": None,
                "sent_at": STARTED + sent,
                "answered_at": STARTED + answered,
                "result": result,
                "error": None,
                "status": status,
                "outcome": None,
                "end": ends.get(result),
                **fields,
            }
        )
        if report:
            told = reported(outcome) if outcome else {"status": "failed"}
            self.say(answered - 0.01, "detach.report", number, error=error, error_code=fields.get("error_code"), **told)

    def write_to(self, folder: Path) -> Path:
        """The folder as a storm leaves it."""
        (folder / "output").mkdir()
        (folder / "output" / "http.log").write_text("\n".join(self.log), encoding="utf-8")
        for name, lines in self.lines.items():
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
        run = {**self.run, "settings": self.settings, "started_at": STARTED, "wall_at_start": WALL, "fleet": self.fleet}
        (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")
        (folder / "end.json").write_text("{}", encoding="utf-8")
        (folder / "secrets.json").write_text(json.dumps(self.secrets), encoding="utf-8")
        return folder


def outcome_of(
    rows: list[Row], status: str = "detached", number: int = 0, kind: str = "certificate_expiry", **fields: Any
) -> dict[str, Any]:
    """An outcome that detached these rows; `fields` are more lists of its only certificate."""
    top = {name: fields.pop(name) for name in ("undo", "not_found", "cursor", "dry_run") if name in fields}
    lists: dict[str, Any] = {name: [] for name in ("detached", "already_detached", "kept", "failed")}
    if kind == "undo":
        lists = {"attached": bare(rows), "already_attached": [], "kept": [], "failed": []}
    else:
        lists["detached"] = bare(rows)
    certificate = {"certificate_id": CERT, "status": status, **lists, **fields}
    undo = [{"certificate_id": CERT, "domains": entries(rows)}] if rows and kind != "undo" else []
    return {
        "event_id": f"event-{number}",
        "kind": kind,
        "status": status,
        "dry_run": False,
        "certificates": [certificate],
        "undo": undo,
        **top,
    }


def reported(outcome: dict[str, Any]) -> dict[str, Any]:
    """The fields of its report line."""
    lists: dict[str, list[dict[str, Any]]] = {}
    for certificate in outcome["certificates"]:
        for name, value in certificate.items():
            if isinstance(value, list):
                told = [{"certificate_id": certificate["certificate_id"], **each} for each in value]
                lists[name] = lists.get(name, []) + told
    ids = [each["certificate_id"] for each in outcome["certificates"]]
    return {"status": outcome["status"], "certificate_id": ids, **lists, "undo": outcome["undo"]}


def letters(story: Story, folder: Path) -> list[str]:
    """The letters of what the oracle finds in the story."""
    return sorted({each.letter for each in judge(story.write_to(folder)).violations})
