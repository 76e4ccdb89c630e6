"""What a watcher is told, in which order, and what it may do to an answer."""

import httpx
import pytest

from sandbox import Change, Fault, Received, Sandbox
from tests.sandbox.conftest import CERTIFICATE, DOMAIN, GATEWAY, OTHER, Caller

VALID = "2036-04-26T09:03:30Z"


class Notes:
    """Notes everything in one list; `fault` goes wrong with the next request."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.fault: Fault | None = None

    def received(self, request: Received) -> Fault | None:
        self.told.append(("received", request.method, request.path.rpartition("/")[2]))
        fault, self.fault = self.fault, None
        return fault

    def answered(self, _: Received, status: int, error_code: str | None) -> None:
        self.told.append(("answered", status, error_code))

    def changed(self, change: Change) -> None:
        self.told.append(change)


@pytest.fixture
def notes(fleet_of_the_page: Sandbox):
    notes = Notes()
    fleet_of_the_page.fleet.renew(CERTIFICATE, VALID)
    fleet_of_the_page.watch(notes)
    yield notes
    fleet_of_the_page.watch(Notes())


def test_a_detach_is_told_between_its_request_and_its_answer_a_pair_at_a_time(notes: Notes, call: Caller):
    call.write("detach", {"domain": DOMAIN, "instance_ids": [GATEWAY, OTHER]})
    assert notes.told == [
        ("received", "POST", "detach"),
        Change("detached", CERTIFICATE, DOMAIN, GATEWAY, not_after=VALID),
        Change("detached", CERTIFICATE, DOMAIN, OTHER, not_after=VALID),
        ("answered", 204, None),
    ]


def test_a_name_with_several_ports_is_one_binding(notes: Notes, call: Caller, fleet_of_the_page: Sandbox):
    fleet_of_the_page.fleet.add_domain(DOMAIN, GATEWAY, https_port=8443)
    call.write("attach", {"domain": DOMAIN, "instance_ids": [GATEWAY], "verified_client_certificate_enabled": True})
    call.write("detach", {"domain": DOMAIN, "instance_ids": [GATEWAY]})
    assert [each for each in notes.told if isinstance(each, Change)] == [
        Change("domain_added", None, DOMAIN, GATEWAY),
        Change(
            "attached", CERTIFICATE, DOMAIN, GATEWAY, verified=True, not_after=VALID
        ),  # the flag of what was attached already
        Change("detached", CERTIFICATE, DOMAIN, GATEWAY, verified=True, not_after=VALID),
    ]


def test_what_somebody_else_does_is_told_too(notes: Notes, fleet_of_the_page: Sandbox):
    fleet = fleet_of_the_page.fleet
    fleet.renew(CERTIFICATE, "2037-04-26T09:03:30Z")
    fleet.remove_domain(DOMAIN, OTHER)
    fleet.remove_certificate(CERTIFICATE)
    assert notes.told == [
        Change("renewed", CERTIFICATE, not_after="2037-04-26T09:03:30Z"),
        Change("detached", CERTIFICATE, DOMAIN, OTHER, not_after="2037-04-26T09:03:30Z"),
        Change("domain_removed", None, DOMAIN, OTHER),
        Change("detached", CERTIFICATE, DOMAIN, GATEWAY, not_after="2037-04-26T09:03:30Z"),
        Change("certificate_removed", CERTIFICATE, not_after="2037-04-26T09:03:30Z"),
    ]


def test_another_fleet_is_watched_as_the_one_before(notes: Notes, fleet_of_the_page: Sandbox):
    fleet_of_the_page.reset()
    notes.told.clear()
    gateway = fleet_of_the_page.fleet.add_gateway(GATEWAY)
    fleet_of_the_page.fleet.add_domain(DOMAIN, gateway.id)
    assert notes.told == [Change("domain_added", None, DOMAIN, GATEWAY)]


def test_a_watcher_says_what_goes_wrong(notes: Notes, call: Caller):
    notes.fault = Fault(error_code="APIG.9008")
    assert call("GET", "/instances").status_code == 500
    assert notes.told == [("received", "GET", "instances"), ("answered", 500, "APIG.9008")]


def test_a_request_whose_connection_is_cut_has_no_answer(notes: Notes, call: Caller):
    notes.fault = Fault(action="lost_reply")
    with pytest.raises(httpx.RemoteProtocolError):
        call.write("detach", {"domain": DOMAIN, "instance_ids": [GATEWAY]})
    assert [each if isinstance(each, tuple) else each.what for each in notes.told] == [
        ("received", "POST", "detach"),
        "detached",
    ]


def test_the_true_answer_can_be_cut_off(notes: Notes, call: Caller):
    notes.fault = Fault(reshape=lambda body: body[:7])
    reply = call("GET", "/instances")
    assert (reply.status_code, reply.headers["content-length"], len(reply.content)) == (200, "7", 7)


def test_another_content_type_takes_the_place_of_its_own(notes: Notes, call: Caller):
    notes.fault = Fault(headers={"Content-Type": "text/plain"})
    reply = call("GET", "/instances")
    assert reply.headers.get_list("content-type") == ["text/plain"]
    assert reply.json()["total"] == 2


def test_an_answer_can_drip(notes: Notes, call: Caller):
    notes.fault = Fault(drip=0.02)
    reply = call("GET", "/instances")
    assert reply.elapsed.total_seconds() > 0.1
    assert reply.json()["total"] == 2


def test_fewer_rows_a_page(call: Caller, fleet_of_the_page: Sandbox):
    fleet_of_the_page.behaviour.most_rows = 1
    assert call.get("/instances", limit=500)["size"] == 1


def test_only_the_new_password_signs_in(sandbox: Sandbox):
    old = sandbox.credentials["password"]
    new = sandbox.change_password()
    assert new == sandbox.credentials["password"] != old
    assert {old, new} <= sandbox.secrets
