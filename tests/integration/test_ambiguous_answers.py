"""Where the API's documents are silent, the bindings tell: right whichever way the API behaves."""

import contextlib
import json
import socket
import threading
import time

import pytest

from sandbox import Fault, Sandbox
from shared.core.errors import CredentialsRefused, DetachError, NotFound, Rejected, Unavailable
from tests.conftest import FAR_AHEAD
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, decommission, expire, furnish, pairs, send

DETACH = "/domains/detach$"
LISTING = "/attached-domains"
NAMES = [f"d{number}.example.com" for number in range(4)]
PAIRS = {(name, instance_id) for name in NAMES for instance_id in (FIRST, SECOND)}


def told(outcome: dict) -> set[tuple[str, str]]:
    [certificate] = outcome["certificates"]
    return pairs(certificate["detached"]) | pairs(certificate["already_detached"])


@pytest.mark.parametrize("absent", ["3097", "2000", "204"])
@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("mixed_ok", [True, False])
def test_a_batch_of_which_part_is_gone_ends_well(
    sandbox: Sandbox, new_runtime, absent: str, atomic: bool, mixed_ok: bool
):
    """Another hand detached one domain right behind our reading: in the end all are gone, and all are told."""
    furnish(sandbox, domains=NAMES)
    sandbox.behaviour.absent, sandbox.behaviour.atomic, sandbox.behaviour.mixed_ok = absent, atomic, mixed_ok
    rows = [{"url_domain": name, "instance_id": instance_id} for name, instance_id in sorted(PAIRS)]
    as_it_was = json.dumps({"size": len(rows), "total": len(rows), "bound_domains": rows})
    sandbox.faults.add(Fault(path=LISTING, status=200, raw_body=as_it_was))
    sandbox.fleet.unbind(CERTIFICATE, NAMES[1], FIRST)
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    assert outcome["status"] == "detached"
    assert sandbox.fleet.bindings() == set()
    assert told(outcome) == PAIRS
    assert pairs(outcome["undo"][0]["domains"]) >= PAIRS - {(NAMES[1], FIRST)}
    assert len(sandbox.journal.detaches()) <= 2


@pytest.mark.parametrize("action", ["lost_reply", "reset", "drop"])
def test_after_a_cut_connection_only_what_is_left_is_sent_again(sandbox: Sandbox, new_runtime, action: str):
    """Cut before or after the write: the bindings are read again, and only what is left is sent again."""
    furnish(sandbox, domains=NAMES)
    sandbox.faults.add(Fault(path=DETACH, action=action))
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    assert sandbox.fleet.bindings() == set()
    assert len(sandbox.journal.detaches()) == (1 if action == "lost_reply" else 2)
    assert told(outcome) == PAIRS
    assert pairs(outcome["undo"][0]["domains"]) == PAIRS


DATE = f"/{CERTIFICATE}$"
RENEWED = json.dumps({"id": CERTIFICATE, "not_after": "2036-04-26T09:03:30Z"})


@pytest.mark.parametrize(
    "then",
    [
        pytest.param(Fault(path=DATE, nth=2, status=200, raw_body=""), id="its date cannot be read"),
        pytest.param(Fault(path=DATE, nth=2, status=200, raw_body=RENEWED), id="it is renewed"),
        pytest.param(Fault(path=DETACH, error_code="APIG.1002", nth=2, times=2), id="the new tokens are refused, too"),
    ],
)
def test_a_write_that_took_effect_and_whose_token_was_refused_belongs_to_undo(sandbox: Sandbox, new_runtime, then):
    """401, and nothing more is to be written: the bindings are read, and all are gone. Perhaps it was us."""
    furnish(sandbox, domains=NAMES)
    sandbox.faults.add(Fault(path=DETACH, error_code="APIG.1002", applied=True), then)
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    assert (outcome["status"], told(outcome), sandbox.fleet.bindings()) == ("detached", PAIRS, set())
    [undo] = outcome["undo"]
    assert (pairs(undo["domains"]), {domain["perhaps"] for domain in undo["domains"]}) == (PAIRS, {True})


def test_what_nobody_can_read_after_a_refused_token_belongs_to_undo(sandbox: Sandbox, new_runtime):
    """401, and neither the date nor the bindings can be read: the event fails, and the undo tells them all."""
    furnish(sandbox, domains=NAMES)
    sandbox.faults.add(
        Fault(path=DETACH, error_code="APIG.1002", applied=True),
        Fault(path=DATE, nth=2, status=200, raw_body=""),
        Fault(path=LISTING, nth=2, status=200, raw_body=""),
    )
    with pytest.raises(
        Unavailable, match=r"not documented: id: .*; also Unavailable: .*not documented: total:"
    ) as caught:
        expire(new_runtime(), certificate_id=CERTIFICATE)
    assert sandbox.faults.pending() == []
    assert caught.value.outcome is not None
    [undo] = caught.value.outcome["undo"]
    assert (pairs(undo["domains"]), {domain["perhaps"] for domain in undo["domains"]}) == (PAIRS, {True})


@pytest.mark.parametrize("iam", [503, 401])
@pytest.mark.parametrize("domains", [NAMES, NAMES[:1]])
def test_what_took_effect_before_its_token_could_not_be_renewed_belongs_to_undo(
    sandbox: Sandbox, new_runtime, caplog, iam: int, domains: list[str]
):
    """401, and IAM gives no new token, so that nothing can be read either: the undo tells what may be done."""
    furnish(sandbox, domains=domains)
    sandbox.faults.add(
        Fault(path=DETACH, error_code="APIG.1002", applied=True),
        Fault(path="/auth/tokens", nth=2, status=iam, times=None),
    )
    with pytest.raises((Unavailable, CredentialsRefused)):
        expire(new_runtime(HTTP_ATTEMPTS="2"), certificate_id=CERTIFICATE, instance_ids=[FIRST])
    assert {domain for _, domain, gateway in sandbox.fleet.bindings() if gateway == FIRST} == set()
    [report] = [record for record in caplog.records if record.message == "detach.report"]
    [undo] = report.undo
    assert pairs(undo["domains"]) == {(name, FIRST) for name in domains}
    assert {domain["perhaps"] for domain in undo["domains"]} == {True}


def test_lost_reply_counts_as_already_detached_and_can_be_undone(sandbox: Sandbox, new_runtime):
    """No answer said that it was us; the undo has it all the same."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=DETACH, action="lost_reply"))
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    [certificate] = outcome["certificates"]
    assert (certificate["status"], certificate["detached"]) == ("detached", [])
    assert pairs(certificate["already_detached"]) == {(DOMAIN, FIRST), (DOMAIN, SECOND)}
    assert pairs(outcome["undo"][0]["domains"]) == {(DOMAIN, FIRST), (DOMAIN, SECOND)}


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("applied", [True, False])
def test_after_a_server_error_the_bindings_decide(sandbox: Sandbox, new_runtime, status: int, applied: bool):
    """A 5xx may hide a write that was done; reading tells, and nothing is sent twice that is gone."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=DETACH, status=status, raw_body="<html>", applied=applied))
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    assert outcome["status"] == "detached"
    assert len(sandbox.journal.detaches()) == (1 if applied else 2)


def test_an_answer_after_the_timeout_counts_as_none(sandbox: Sandbox, new_runtime):
    """An answer that comes after HTTP_TIMEOUT is one that never came: read again."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=DETACH, applied=True, status=204, delay=2.0))
    outcome = expire(new_runtime(HTTP_TIMEOUT="0.3"), certificate_id=CERTIFICATE)
    assert outcome["status"] == "detached"
    assert len(sandbox.journal.detaches()) == 1


@pytest.mark.parametrize(
    "throttled", [Fault.throttled(path=DETACH), Fault(path=DETACH, status=429, error_code="APIG.0308")]
)
def test_throttled_detach_is_repeated_without_reading(sandbox: Sandbox, new_runtime, throttled: Fault):
    """500 APIG.9008 and 429 were surely not carried out: wait, and send the same again."""
    furnish(sandbox)
    sandbox.faults.add(throttled)
    assert expire(new_runtime(), certificate_id=CERTIFICATE)["status"] == "detached"
    assert len(sandbox.journal.detaches()) == 2
    assert len([r for r in sandbox.journal.apig() if LISTING in r.path]) == 1


def test_retry_after_is_honoured(sandbox: Sandbox, new_runtime):
    """A Retry-After of one second puts a second between the two requests."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=DETACH, status=429, error_code="APIG.0308", headers={"Retry-After": "1"}))
    expire(new_runtime(), certificate_id=CERTIFICATE)
    first, second = sandbox.journal.detaches()
    assert 1.0 <= second.at - first.at < 3.0


@pytest.mark.parametrize(("status", "code"), [(404, "APIG.3097"), (404, "APIG.3020"), (400, "APIG.2000")])
def test_what_is_said_to_be_absent_and_still_bound_is_a_failure(sandbox: Sandbox, new_runtime, status: int, code: str):
    """The API says that nothing is bound while its listing shows the binding: no success, each one asked alone."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=DETACH, status=status, error_code=code, times=None))
    with pytest.raises(Rejected, match=code):
        expire(new_runtime(), certificate_id=CERTIFICATE)
    assert len(sandbox.fleet.bindings()) == 2
    assert [each.body["domains"][0]["instance_ids"] for each in sandbox.journal.detaches()] == [
        [SECOND, FIRST],
        [SECOND],
        [FIRST],
    ]


@pytest.mark.parametrize(("status", "code"), [(404, "APIG.3097"), (404, "APIG.3020"), (400, "APIG.2000")])
def test_what_is_said_to_be_absent_and_is_gone_is_a_success(sandbox: Sandbox, new_runtime, status: int, code: str):
    """Already done is success once the bindings prove it."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=DETACH, status=status, error_code=code, applied=True))
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    assert outcome["status"] == "detached"
    assert pairs(outcome["certificates"][0]["already_detached"]) == {(DOMAIN, FIRST), (DOMAIN, SECOND)}
    # One of the two may have been absent, and the other our own doing.
    [undo] = outcome["undo"]
    assert pairs(undo["domains"]) == {(DOMAIN, FIRST), (DOMAIN, SECOND)}


@pytest.mark.parametrize("code", ["APIG.3097", "APIG.2000"])
def test_what_is_attached_again_meanwhile_is_detached_again(sandbox: Sandbox, new_runtime, code: str):
    """Somebody detaches it before us, and an undo attaches it before we read: that is no contradiction of the API."""
    furnish(sandbox, not_after=FAR_AHEAD)
    sandbox.faults.add(Fault(path=DETACH, status=404, error_code=code))
    outcome = decommission(new_runtime(), domain=DOMAIN, instance_ids=[FIRST])
    assert pairs(outcome["certificates"][0]["detached"]) == {(DOMAIN, FIRST)}
    assert pairs(outcome["undo"][0]["domains"]) == {(DOMAIN, FIRST)}
    assert sandbox.fleet.bindings() == {(CERTIFICATE, DOMAIN, SECOND)}
    assert [received.status for received in sandbox.journal.detaches()] == [404, 204]


@pytest.mark.parametrize(
    ("code", "gateways", "asked"),
    [
        ("APIG.3097", [FIRST], [[FIRST]] * 3),
        ("APIG.3097", [SECOND, FIRST], [[SECOND, FIRST], *[[SECOND]] * 3, *[[FIRST]] * 3]),
        ("APIG.3021", [FIRST], [[FIRST]]),
    ],
    ids=["a binding", "several, by halves first", "its certificate, once"],
)
def test_what_is_said_to_be_absent_and_stays_bound_is_asked_three_times(
    sandbox: Sandbox, new_runtime, code: str, gateways: list[str], asked: list[list[str]]
):
    """Nobody attaches it again that often: listing and answer contradict each other."""
    furnish(sandbox, not_after=FAR_AHEAD)
    sandbox.faults.add(Fault(path=DETACH, status=404, error_code=code, times=None))
    with pytest.raises((Rejected, NotFound), match=code.replace(".", r"\.")):
        decommission(new_runtime(), domain=DOMAIN, instance_ids=gateways)
    assert [each.body["domains"][0]["instance_ids"] for each in sandbox.journal.detaches()] == asked


def test_what_somebody_else_detached_is_not_ours_to_undo(sandbox: Sandbox, new_runtime):
    """Only one binding was sent and there is "no such binding": another hand did it, and it is not ours to undo."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=DETACH, status=404, error_code="APIG.3097", applied=True))
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE, instance_ids=[FIRST])
    assert pairs(outcome["certificates"][0]["already_detached"]) == {(DOMAIN, FIRST)}
    assert outcome["undo"] == []


def test_a_certificate_deleted_meanwhile_is_a_success(sandbox: Sandbox, new_runtime):
    """Between our reading and our writing the certificate goes: nothing is bound to it any more."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=DETACH, status=404, error_code="APIG.3021", applied=True))
    assert expire(new_runtime(), certificate_id=CERTIFICATE)["status"] == "detached"


def test_an_api_that_stays_down_is_one_retryable_error(sandbox: Sandbox, new_runtime):
    """The API stays down: as many attempts as allowed, one retryable error, and the undo for what may be done."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=DETACH, status=503, times=None))
    with pytest.raises(Unavailable):
        expire(new_runtime(HTTP_ATTEMPTS="3"), certificate_id=CERTIFICATE)
    assert len(sandbox.journal.detaches()) == 3


def test_one_bad_batch_does_not_hold_the_others(sandbox: Sandbox, new_runtime, caplog):
    """A batch that is rejected is told, and the batches behind it are detached all the same."""
    furnish(sandbox, domains=NAMES)
    # The second request, and the two for one gateway each into which it is split.
    sandbox.faults.add(Fault(path=DETACH, nth=2, status=400, error_code="APIG.2012", times=3))
    with pytest.raises(Rejected, match=r"APIG\.2012"):
        expire(new_runtime(DETACH_BATCH_SIZE="1"), certificate_id=CERTIFICATE)
    assert {domain for _, domain, _ in sandbox.fleet.bindings()} == {NAMES[1]}
    [report] = [record for record in caplog.records if record.message == "detach.report"]
    assert pairs(report.failed) == {(NAMES[1], FIRST), (NAMES[1], SECOND)}
    assert pairs(report.undo[0]["domains"]) == PAIRS - {(NAMES[1], FIRST), (NAMES[1], SECOND)}


def test_one_bad_name_does_not_hold_its_batch(sandbox: Sandbox, new_runtime, caplog):
    """The listing shows a name that the API refuses: its batch is halved until that one stands alone."""
    furnish(sandbox, domains=NAMES)
    ghost = {"url_domain": "ghost.example.com", "instance_id": FIRST}
    rows = [*({"url_domain": name, "instance_id": instance_id} for name, instance_id in sorted(PAIRS)), ghost]
    listing = json.dumps({"size": len(rows), "total": len(rows), "bound_domains": rows})
    sandbox.faults.add(Fault(path=LISTING, status=200, raw_body=listing, times=None))
    with pytest.raises(Rejected, match=r"APIG\.3020"):
        expire(new_runtime(), certificate_id=CERTIFICATE)
    assert sandbox.fleet.bindings() == set()
    [report] = [record for record in caplog.records if record.message == "detach.report"]
    assert pairs(report.failed) == {("ghost.example.com", FIRST)}
    assert pairs(report.detached) == PAIRS
    assert pairs(report.undo[0]["domains"]) == PAIRS
    assert [len(each.body["domains"]) for each in sandbox.journal.detaches()] == [5, 2, 3, 1, 2, 1, 1]


def test_too_little_time_for_the_wait_ends_it_at_once(sandbox: Sandbox, new_runtime):
    """With too little time left for the wait, it ends at once as retryable rather than late: no other batch is sent."""
    furnish(sandbox, domains=NAMES)
    sandbox.faults.add(Fault(path=DETACH, status=409, error_code="APIG.3711", times=None))
    with pytest.raises(Unavailable, match=r"APIG\.3711"):
        send(new_runtime(DETACH_BATCH_SIZE="1"), "certificate_expiry", {"certificate_id": CERTIFICATE}, seconds=5)
    assert len(sandbox.journal.detaches()) == 1


def test_a_trickling_server_is_left_when_the_time_is_up(sandbox: Sandbox, new_runtime):
    """A server that trickles its answer, byte by byte, is left when the time is up, not when it is done."""
    furnish(sandbox)
    server = socket.create_server(("127.0.0.1", 0))

    def trickle():
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(100):
                connection.sendall(b" ")
                time.sleep(0.1)

    thread = threading.Thread(target=trickle, daemon=True)
    thread.start()
    runtime = new_runtime(APIG_ENDPOINT=f"http://127.0.0.1:{server.getsockname()[1]}", HTTP_ATTEMPTS="1")
    started = time.monotonic()
    with pytest.raises(Unavailable, match="no answer from 127.0.0.1:.*timed out"):
        send(runtime, "certificate_expiry", {"certificate_id": CERTIFICATE}, seconds=1.0)
    assert 0.9 < time.monotonic() - started < 1.5
    runtime.close()
    thread.join()
    server.close()


@pytest.mark.parametrize("attempts", ["1", "4"])
def test_a_detach_whose_token_is_refused_is_sent_again(sandbox: Sandbox, new_runtime, attempts: str):
    """Twice in a row, which is no attempt of HTTP_ATTEMPTS: nothing was carried out."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=DETACH, status=401, error_code="APIG.1002", times=2))
    assert expire(new_runtime(HTTP_ATTEMPTS=attempts), certificate_id=CERTIFICATE)["status"] == "detached"
    assert [received.status for received in sandbox.journal.detaches()] == [401, 401, 204]
    assert len([r for r in sandbox.journal.apig() if LISTING in r.path]) == 1


def test_a_certificate_renewed_while_the_token_is_renewed_is_kept(sandbox: Sandbox, new_runtime):
    """The detach is not sent again by itself: the date is read first, and it is another one."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=DETACH, status=401, error_code="APIG.1002"))
    renewed = json.dumps({"id": CERTIFICATE, "common_name": DOMAIN, "not_after": "2036-04-26T09:03:30Z"})
    sandbox.faults.add(Fault(path=f"/{CERTIFICATE}$", nth=2, status=200, raw_body=renewed))
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    assert len(sandbox.journal.detaches()) == 1
    assert len(sandbox.fleet.bindings()) == 2
    assert {entry["reason"] for entry in outcome["certificates"][0]["kept"]} == {"renewed"}


def test_reading_is_retried(sandbox: Sandbox, new_runtime):
    """A read may be repeated at will, whatever cut it off."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=LISTING, action="reset"), Fault(path=LISTING, status=500))
    assert expire(new_runtime(), certificate_id=CERTIFICATE)["status"] == "detached"
    assert sandbox.faults.pending() == []


@pytest.mark.parametrize(
    "body", ["<html>a proxy's page</html>", "{}", '{"total":3}', '{"total":1,"bound_domains":[{}]}']
)
def test_undocumented_listing_is_not_an_empty_one(sandbox: Sandbox, new_runtime, body: str):
    """An answer that is not the documented one is a failure: taken for "nothing bound" it would lose the event."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=LISTING, status=200, raw_body=body, times=None))
    with pytest.raises(DetachError, match="not documented"):
        expire(new_runtime(HTTP_ATTEMPTS="1"), certificate_id=CERTIFICATE)


def test_listing_that_ends_early_is_not_a_short_one(sandbox: Sandbox, new_runtime):
    """Three of five rows and then nothing new: what is missing may be bound, so nothing is decided."""
    furnish(sandbox)
    row = '{"url_domain":"apigtest.example.com","instance_id":"f0fa1789-3b76-433b-a787-9892951c620e"}'
    sandbox.faults.add(
        Fault(path="offset=0&", status=200, raw_body=f'{{"total":5,"size":3,"bound_domains":[{row},{row},{row}]}}'),
        Fault(path="offset=2&", status=200, raw_body=f'{{"total":5,"size":1,"bound_domains":[{row}]}}'),
    )
    with pytest.raises(Unavailable, match="ended after 3 of 5 rows"):
        expire(new_runtime(HTTP_ATTEMPTS="1"), certificate_id=CERTIFICATE)
    assert sandbox.journal.detaches() == []


def test_a_gateway_that_does_not_exist_is_not_found(sandbox: Sandbox, new_runtime):
    """A search on a gateway that does not exist is NotFound."""
    furnish(sandbox)
    with pytest.raises(NotFound, match="APIG.3030"):
        expire(new_runtime(), common_name=DOMAIN, instance_ids=["0" * 32])
