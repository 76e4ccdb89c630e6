"""Tokens are revoked while processes of eight threads each handle events: each logs in once, and no event is lost."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox import Fleet, Sandbox
from tests.conftest import LONG_AGO
from tests.e2e.doors import THREADS, doors
from tests.e2e.seeds import chance
from tests.e2e.senders import deliver
from tests.support.deliveries import cloudevent

PROCESSES, REVOCATIONS = 4, 6
EACH = 100  # events of a process


def expired(number: int) -> tuple[Fleet, list[str]]:
    """So many expired certificates of one domain each, and an event for each."""
    fleet, texts = Fleet(), []
    gateway = fleet.add_gateway()
    for each in range(number):
        domain = f"d{each}.example.com"
        certificate = fleet.add_certificate(common_name=domain, not_after=LONG_AGO)
        fleet.carry(fleet.add_domain(domain, gateway.id), certificate.id)
        data = {"certificate_id": certificate.id}
        texts.append(json.dumps(cloudevent("apig.certificate.expired", id=f"event-{each}", data=data)))
    return fleet, texts


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("number", range(3))
def test_a_process_logs_in_once_for_each_token_that_is_revoked(
    sandbox: Sandbox, environment: dict[str, str], tmp_path: Path, number: int
):
    """However many threads are refused at once. A token may be revoked before it has been used."""
    fleet, texts = expired(EACH * PROCESSES)
    sandbox.reset(fleet)
    sandbox.behaviour.latency = 0.02
    with (
        doors(environment, tmp_path, PROCESSES) as running,
        chance("tokens", number) as by_chance,
        ThreadPoolExecutor(PROCESSES * THREADS) as pool,
    ):
        urls = [service.url for service in running]
        sent = [pool.submit(deliver, text, lambda url=url: url) for text, url in zip(texts, urls * EACH, strict=True)]
        for _ in range(REVOCATIONS):
            time.sleep(by_chance.uniform(0.3, 0.5))  # three in one call would be too many
            sandbox.revoke_tokens()
        answers = [each.result() for each in sent]
    assert Counter(answer.status for each in answers for answer in each) == {200: len(texts)}
    assert {each[0].body["status"] for each in answers} == {"detached"}
    assert fleet.bindings() == set()
    logins = [received.path for received in sandbox.journal.iam()]
    assert set(logins) == {"/v3/auth/tokens"}
    assert PROCESSES < len(logins) <= PROCESSES * (1 + REVOCATIONS)
    assert len(sandbox.journal.detaches()) - _refused(sandbox) == len(texts)


def _refused(sandbox: Sandbox) -> int:
    """The detaches that were answered with 401, and sent again."""
    return sum(received.status == 401 for received in sandbox.journal.detaches())
