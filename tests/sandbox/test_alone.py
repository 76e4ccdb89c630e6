"""`python -m sandbox` as a process of its own."""

import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
GATEWAY = "7d39549681c54d968ec2910da9da95cd"
CERTIFICATE = "a27be832f2e9441c8127fe48e3b5ac67"


class Alone:
    """The process, and the addresses and credentials that it wrote."""

    def __init__(self, folder: Path) -> None:
        seed = {
            "gateways": [{"id": GATEWAY}],
            "certificates": [{"id": CERTIFICATE, "common_name": "*.example.com", "not_after": "-P3D"}],
            "domains": [{"name": "a.example.com", "gateway_id": GATEWAY, "certificate_id": CERTIFICATE}],
        }
        (folder / "seed.json").write_text(json.dumps(seed), encoding="utf-8")
        options = ["--seed", "seed.json", "--write-env", "env", "--ca-file", "ca.pem"]
        self.process = subprocess.Popen(  # noqa: S603 - the sandbox itself
            [sys.executable, "-m", "sandbox", *options],
            cwd=folder,
            env={"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        deadline = time.monotonic() + 10
        while not (folder / "env").exists() and time.monotonic() < deadline and self.process.poll() is None:
            time.sleep(0.01)
        lines = (folder / "env").read_text(encoding="utf-8").splitlines()
        self.env = dict(line.split("=", 1) for line in lines)
        self.secret = Path(self.env["SECRET_URI"].removeprefix("file:"))
        self.credentials = json.loads(self.secret.read_text(encoding="utf-8"))
        self.client = httpx.Client(verify=ssl.create_default_context(cafile=self.env["OS_CACERT"]), trust_env=False)

    def control(self, method: str, name: str, **rest: object) -> httpx.Response:
        return self.client.request(method, f"{self.env['APIG_ENDPOINT']}/_sandbox/{name}", **rest)  # type: ignore[arg-type]


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Alone]:
    it = Alone(tmp_path)
    yield it
    it.client.close()
    it.process.kill()
    it.process.communicate()


def test_it_serves_without_printing_secrets_and_stops_on_sigterm(alone: Alone) -> None:
    """It writes its addresses but never the password, answers like the API, and stops within a second."""
    assert alone.secret.stat().st_mode & 0o777 == 0o600
    known = alone.credentials
    user = {"name": known["username"], "password": known["password"], "domain": {"name": known["domain_name"]}}
    identity = {"methods": ["password"], "password": {"user": user}}
    scope = {"project": {"id": alone.env["OS_PROJECT_ID"]}}
    response = alone.client.post(
        alone.env["OS_AUTH_URL"] + "/auth/tokens", json={"auth": {"identity": identity, "scope": scope}}
    )
    token = response.headers["X-Subject-Token"]
    detach = alone.client.post(
        f"{alone.env['APIG_ENDPOINT']}/v2/{known['project_id']}/apigw/certificates/{CERTIFICATE}/domains/detach",
        json={"domains": [{"domain": "a.example.com", "instance_ids": [GATEWAY]}]},
        headers={"X-Auth-Token": token},
    )
    assert detach.status_code == 204
    assert alone.control("GET", "bindings").json() == []
    journal = alone.control("GET", "journal")
    assert [(each["service"], each["status"]) for each in journal.json()] == [("iam", 201), ("apig", 204)]
    assert token not in journal.text
    assert known["password"] not in journal.text
    started = time.monotonic()
    alone.process.terminate()
    said, _ = alone.process.communicate(timeout=5)
    assert time.monotonic() - started < 1
    assert alone.process.returncode == 0
    assert alone.env["APIG_ENDPOINT"] in said
    assert "1 gateways, 1 certificates, 1 domains, 1 bindings" in said
    assert known["password"] not in said
    assert not alone.secret.exists()


def test_another_process_can_read_change_and_reset_the_state(alone: Alone) -> None:
    """The control routes show the state, set switches and faults, and reset; unknown names are refused."""
    bound = [{"certificate_id": CERTIFICATE, "domain": "a.example.com", "instance_id": GATEWAY}]
    assert alone.control("GET", "bindings").json() == bound
    assert alone.control("POST", "behaviour", json={"absent": "204"}).json()["absent"] == "204"
    assert alone.control("POST", "behaviour", json={"absense": "204"}).status_code == 400
    assert alone.control("POST", "faults", json={"status": 503, "times": None}).status_code == 204
    assert alone.control("POST", "faults", json={"stats": 503}).status_code == 400
    assert alone.client.get(alone.env["APIG_ENDPOINT"] + "/x").status_code == 503
    seed = alone.control("GET", "fleet").json()
    assert alone.control("POST", "reset", json={"fleet": {}}).status_code == 204
    assert alone.control("GET", "bindings").json() == []
    assert alone.control("POST", "reset").status_code == 204
    assert alone.control("GET", "fleet").json() == seed
    assert alone.control("GET", "behaviour").json()["absent"] == "3097"
    assert alone.client.get(alone.env["APIG_ENDPOINT"] + "/x").status_code == 404


def test_a_bad_seed_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    """The sentence names the row; the exit status is 1."""
    (tmp_path / "seed.json").write_text('{"domains": [{"name": "x"}]}', encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "sandbox", "--seed", "seed.json"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("sandbox: cannot read the seed seed.json: seed: domains[0]")
