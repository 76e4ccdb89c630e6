"""Who we are, against the sandbox's IAM: tokens kept, renewed, refused, and never hammered."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import pytest

from sandbox import Behaviour, Fault, Sandbox
from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, CredentialsRefused, Unavailable
from shared.core.secret import Secret
from shared.credentials.content import Token
from shared.credentials.provider import CredentialProvider
from shared.transport.connection import Connections
from shared.transport.pace import Pace
from shared.transport.send import Transport
from shared.transport.tls import new_client
from tests.support.calls import post, status_of


class Kept:
    """A store in memory: `content` may be changed, what it was asked is counted, and it may be `down`."""

    def __init__(self, content: object) -> None:
        self.content = content
        self.reads: list[bool] = []
        self.down = False

    def __call__(self, transport: Transport, *, fresh: bool = False) -> Secret:  # noqa: ARG002 - a store's signature
        self.reads.append(fresh)
        if self.down:
            raise Unavailable("the store is down")
        return Secret(self.content if isinstance(self.content, str) else json.dumps(self.content))


class Clock:
    """Unix seconds that a test moves on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Connections]:
    with new_client(sandbox.ca_file) as client:
        yield client


@pytest.fixture
def transport(client: Connections) -> Transport:
    return Transport(client, 5.0, 4, Deadline.after(30), lambda call: None, sleep=lambda seconds: None)


@pytest.fixture
def store(sandbox: Sandbox) -> Kept:
    return Kept(sandbox.credentials)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(sandbox: Sandbox, store: Kept, clock: Clock) -> CredentialProvider:
    return CredentialProvider(store, sandbox.auth_url, clock=clock)


@pytest.fixture
def ask(sandbox: Sandbox, provider: CredentialProvider, transport: Transport) -> Callable[[], int]:
    """Asks the gateway for something; the status of its answer."""

    def get() -> int:
        return status_of(sandbox, transport, provider.auth(transport, sandbox.project_id))

    return get


def logins(sandbox: Sandbox) -> int:
    return len([received for received in sandbox.journal.iam() if received.method == "POST"])


# --- a password ---


def test_the_request_is_the_one_of_the_page(sandbox: Sandbox, provider: CredentialProvider, transport: Transport):
    """POST /v3/auth/tokens?nocatalog=true, the user by name in a domain, the project by id."""
    assert provider.project_id(transport) == sandbox.project_id
    (received,) = sandbox.journal.iam()
    known = sandbox.credentials
    user = {"name": known["username"], "password": known["password"], "domain": {"name": known["domain_name"]}}
    assert (received.method, received.target) == ("POST", "/v3/auth/tokens?nocatalog=true")
    assert received.headers["content-type"] == "application/json;charset=utf8"
    assert "x-auth-token" not in received.headers
    assert received.body == {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"id": known["project_id"]}},
        }
    }


def test_a_project_name_goes_with_its_domain(
    sandbox: Sandbox, provider: CredentialProvider, store: Kept, transport: Transport
):
    """A project's name goes with its domain, and the token tells the project's id."""
    store.content = {name: value for name, value in sandbox.credentials.items() if name != "project_id"}
    assert provider.project_id(transport) == sandbox.project_id
    scope = sandbox.journal.iam()[0].body["auth"]["scope"]
    domain = {"name": sandbox.credentials["domain_name"]}
    assert scope == {"project": {"name": sandbox.credentials["project_name"], "domain": domain}}


def test_one_token_for_many_requests(sandbox: Sandbox, ask: Callable[[], int]):
    """A token serves until it is renewed: one login for twenty requests, also from eight threads at once."""
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: ask(), range(20))) == {200}
    assert logins(sandbox) == 1


@pytest.mark.parametrize(
    ("lifetime", "kept", "renewed"),
    [
        (86_400.0, 86_270.0, 86_290.0),  # two minutes before its end
        (300.0, 170.0, 190.0),
        (60.0, 25.0, 35.0),  # one that lives shorter: after half its life, so that it is used at all
    ],
)
def test_a_token_is_renewed_before_it_ends(
    sandbox: Sandbox, ask: Callable[[], int], clock: Clock, lifetime: float, kept: float, renewed: float
):
    """A token is renewed before it ends, without a request being refused."""
    sandbox.behaviour = Behaviour(token_lifetime=lifetime)
    ask()
    clock.ahead = kept
    ask()
    assert logins(sandbox) == 1
    clock.ahead = renewed
    ask()
    assert logins(sandbox) == 2
    assert [received.status for received in sandbox.journal.apig()] == [200, 200, 200]


def test_a_wrong_clock_here_does_not_matter(sandbox: Sandbox, ask: Callable[[], int], clock: Clock):
    """Two days ahead or behind, a new token is good for its lifetime."""
    for clock.ahead in (-172_800.0, 172_800.0):
        ask()
        ask()
    assert logins(sandbox) == 2


def test_refused_once_renewed_once(sandbox: Sandbox, ask: Callable[[], int]):
    """A token that was revoked is renewed at the next request, which is sent again."""
    assert ask() == 200
    sandbox.revoke_tokens()
    assert ask() == 200
    assert logins(sandbox) == 2
    assert [received.status for received in sandbox.journal.apig()] == [200, 401, 200]


def test_threads_that_are_refused_together_renew_once(sandbox: Sandbox, ask: Callable[[], int], store: Kept):
    """Eight requests meet the revoked token at the same time: one login, and the store is asked anew once."""
    ask()
    sandbox.revoke_tokens()
    sandbox.behaviour.latency = 0.1
    together = threading.Barrier(8)

    def go(_: int) -> int:
        together.wait()
        return ask()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(go, range(8))) == {200}
    assert logins(sandbox) == 2
    assert store.reads.count(True) == 1


def test_a_token_revoked_twice_in_a_row(sandbox: Sandbox, ask: Callable[[], int]):
    """The third sending succeeds."""
    assert ask() == 200
    sandbox.faults.add(Fault(service="apig", status=401, error_code="APIG.1002", times=2))
    assert ask() == 200
    assert [received.status for received in sandbox.journal.apig()] == [200, 401, 401, 200]
    assert logins(sandbox) == 3


def test_a_new_token_that_is_refused_too(sandbox: Sandbox, ask: Callable[[], int]):
    """Two renewals a request, never a loop."""
    sandbox.faults.add(Fault(service="apig", status=401, error_code="APIG.1002", times=None))
    with pytest.raises(CredentialsRefused, match=r"GET x answered 401 APIG\.1002"):
        ask()
    assert logins(sandbox) == 3
    assert len(sandbox.journal.apig()) == 3


def test_a_write_with_a_refused_token_is_not_sent_again(
    sandbox: Sandbox, provider: CredentialProvider, transport: Transport
):
    """Its credentials are renewed, and whoever sends it may repeat it at once: nothing was carried out."""
    auth, write = provider.auth(transport, sandbox.project_id), post(f"{sandbox.endpoint}/v2/x")
    sandbox.faults.add(Fault(service="apig", status=401, error_code="APIG.1002", times=None))
    for attempt in (1, 2):
        with pytest.raises(Unavailable, match="answered 401") as raised:
            transport.send(write, auth)
        error = raised.value
        assert (error.renewed, error.repeatable, error.ambiguous, error.status) == (True, True, False, 401)
        assert len(sandbox.journal.apig()) == attempt
        assert logins(sandbox) == attempt + 1
        started = time.monotonic()
        replace(transport, attempts=1, sleep=time.sleep).pause(attempt, error)  # not one of HTTP_ATTEMPTS
        assert time.monotonic() - started < 0.05
    with pytest.raises(CredentialsRefused):
        transport.send(write, auth)
    assert logins(sandbox) == 3


def test_a_refused_write_that_is_accepted_then_counts_anew(
    sandbox: Sandbox, provider: CredentialProvider, transport: Transport
):
    """What is bounded are refusals in a row."""
    auth, write = provider.auth(transport, sandbox.project_id), post(f"{sandbox.endpoint}/v2/x")
    for _ in range(3):
        sandbox.faults.add(Fault(service="apig", status=401, error_code="APIG.1002", times=2))
        sandbox.faults.add(Fault(service="apig", status=204, raw_body="", nth=3))
        for _ in range(2):
            with pytest.raises(Unavailable):
                transport.send(write, auth)
        assert transport.send(write, auth).status == 204
        sandbox.faults.clear()


@pytest.mark.parametrize("body", ['{"error_code":[]}', '{"error_code":{}}', "[" * 20_000, "", "<html>"])
def test_a_401_of_any_shape_is_about_the_token(sandbox: Sandbox, ask: Callable[[], int], body: str):
    """A code that is none, brackets without end, a proxy's page: the token is renewed, and the read succeeds."""
    sandbox.faults.add(Fault(service="apig", status=401, raw_body=body))
    assert ask() == 200
    assert logins(sandbox) == 2


@pytest.mark.parametrize("code", ["APIG.1005", "APIG.1010", "APIG.1013"])
def test_a_401_that_is_not_about_the_token(sandbox: Sandbox, ask: Callable[[], int], code: str):
    """No permission, no PDP server, a frozen account: another token would not help."""
    sandbox.faults.add(Fault(service="apig", status=401, error_code=code))
    assert ask() == 401
    assert logins(sandbox) == 1


@pytest.mark.parametrize("envelope", ["error", "error_code"])
def test_a_wrong_password_is_sent_once(
    sandbox: Sandbox, provider: CredentialProvider, store: Kept, transport: Transport, envelope: str
):
    """Sent once, whatever number of events asks; both error envelopes are understood; the message repeats nothing."""
    sandbox.behaviour = Behaviour(iam_envelope=envelope, lockout_after=2)
    store.content = sandbox.credentials | {"password": "a-wrong-password"}
    for _ in range(5):
        with pytest.raises(CredentialsRefused, match="POST /v3/auth/tokens answered 401") as raised:
            provider.current(transport)
        assert "sent again in 5 minutes, or once the secret changes" in raised.value.message
        assert "a-wrong" not in raised.value.message
    assert logins(sandbox) == 1
    assert store.reads.count(True) >= 5  # each event looks whether the secret has changed


def test_one_mistaken_refusal_costs_five_minutes(
    sandbox: Sandbox, provider: CredentialProvider, clock: Clock, transport: Transport
):
    """IAM refuses a good password once. The process is stuck for five minutes, not for an hour."""
    sandbox.faults.add(Fault(service="iam", status=401, error_code="IAM.0001"))
    for clock.ahead in (0.0, 100.0, 299.0):
        with pytest.raises(CredentialsRefused, match="sent again in 5 minutes"):
            provider.current(transport)
    clock.ahead = 302.0
    assert isinstance(provider.current(transport), Token)
    assert logins(sandbox) == 2


def test_refused_credentials_are_sent_after_five_minutes_and_then_once_an_hour(
    sandbox: Sandbox, provider: CredentialProvider, clock: Clock, transport: Transport
):
    """An event every minute, for five hours: six logins."""
    sandbox.faults.add(Fault(service="iam", status=401, error_code="IAM.0001", times=None))
    times = []
    for minute in range(300):
        clock.ahead = minute * 60.0
        before = logins(sandbox)
        with pytest.raises(CredentialsRefused, match="answered 401"):
            provider.current(transport)
        times += [minute] * (logins(sandbox) - before)
    # A minute later than it may be, where the test itself takes a moment.
    assert [round(later - earlier, -1) for earlier, later in pairwise(times)] == [0, 60, 60, 60, 60]
    assert 5 <= times[1] <= 6


@pytest.mark.parametrize("envelope", ["error", "error_code"])
def test_a_locked_account_is_tried_once_more_after_an_hour(
    sandbox: Sandbox, provider: CredentialProvider, clock: Clock, transport: Transport, envelope: str
):
    """A process is not stuck for ever after its account was unlocked, and does not keep it locked."""
    sandbox.behaviour = Behaviour(iam_envelope=envelope)
    sandbox.faults.add(Fault(service="iam", status=401, error_code="IAM.0061"))
    for clock.ahead in (0.0, 302.0, 600.0):
        with pytest.raises(CredentialsRefused, match="sent again in an hour") as raised:
            provider.current(transport)
        assert (raised.value.error_code, raised.value.status) == ("IAM.0061", 401)
    clock.ahead = 3590.0
    with pytest.raises(CredentialsRefused):
        provider.current(transport)
    assert logins(sandbox) == 1
    clock.ahead = 3610.0
    assert isinstance(provider.current(transport), Token)
    assert logins(sandbox) == 2


def test_a_corrected_secret_is_used_at_once(
    sandbox: Sandbox, provider: CredentialProvider, store: Kept, transport: Transport
):
    """The hour is for the same secret only."""
    store.content = sandbox.credentials | {"password": "a-wrong-password"}
    with pytest.raises(CredentialsRefused):
        provider.current(transport)
    store.content = sandbox.credentials
    assert isinstance(provider.current(transport), Token)


def test_a_password_rotated_while_we_log_in_is_read_again(sandbox: Sandbox, transport: Transport):
    """The password that the store had kept is refused: the store is asked anew, and the new one is used at once."""

    def read(transport: Transport, *, fresh: bool = False) -> Secret:
        password = sandbox.credentials["password"] if fresh else "the-old-password"
        return Secret(json.dumps(sandbox.credentials | {"password": password}))

    assert isinstance(CredentialProvider(read, sandbox.auth_url).current(transport), Token)
    assert logins(sandbox) == 2


def test_the_password_is_read_again_for_the_next_login(
    sandbox: Sandbox, ask: Callable[[], int], store: Kept, clock: Clock
):
    """After a day the kept password may be an old one, and trying it would count as a failure."""
    ask()
    assert store.reads[-1] is False
    clock.ahead = 86_300.0
    ask()
    assert store.reads[-1] is True


@pytest.mark.parametrize(
    ("fault", "error", "named"),
    [
        (Fault(service="iam", status=403, error_code="IAM.0081", times=None), CredentialsRefused, "403"),
        (Fault(service="iam", status=400, error_code="IAM.0011", times=None), ConfigurationError, "check OS_AUTH_URL"),
        (Fault(service="iam", status=404, error_code="IAM.0004", times=None), ConfigurationError, "domain and project"),
        (Fault(service="iam", status=409, error_code="IAM.0005", times=None), Unavailable, "409"),
        (Fault(service="iam", status=500, error_code="IAM.0006", times=None), Unavailable, "500"),
        (Fault(service="iam", status=503, raw_body="<html>", times=None), Unavailable, "503"),
        (Fault(service="iam", action="reset", times=None), Unavailable, "no answer"),
        (Fault(service="iam", status=201, raw_body="{}", times=None), Unavailable, "X-Subject-Token"),
        (
            Fault(service="iam", status=201, raw_body="{}", headers={"X-Subject-Token": "t"}, times=None),
            Unavailable,
            "not documented",
        ),
    ],
)
def test_each_answer_of_iam_is_one_of_our_errors(
    sandbox: Sandbox,
    provider: CredentialProvider,
    transport: Transport,
    fault: Fault,
    error: type[Exception],
    named: str,
):
    """Each answer of IAM's page is one of our errors."""
    sandbox.faults.add(fault)
    with pytest.raises(error, match=named):
        provider.current(transport)


def test_an_iam_that_is_down_makes_nobody_ask_the_store_anew(
    sandbox: Sandbox, provider: CredentialProvider, store: Kept, transport: Transport
):
    """Nothing was refused, so the password that the store has kept will do."""
    sandbox.faults.add(Fault(service="iam", status=503, times=None))
    for _ in range(3):
        with pytest.raises(Unavailable, match="503"):
            provider.current(transport)
    assert store.reads == [False, False, False]


def test_what_was_refused_is_asked_anew_once(sandbox: Sandbox, ask: Callable[[], int], store: Kept):
    """While the store is down, each event asks it anew. Once it has answered, that answer may be kept again."""
    assert ask() == 200
    sandbox.revoke_tokens()
    store.down = True
    for _ in range(2):
        with pytest.raises(Unavailable, match="the store is down"):
            ask()
    assert store.reads == [False, False, True, True]
    store.down = False
    sandbox.faults.add(Fault(service="iam", status=503, times=None))
    assert [ask() for _ in range(2)] == [503, 503]
    assert store.reads[4:] == [True, False]


def test_throttling_backs_off(sandbox: Sandbox, client: Connections, provider: CredentialProvider):
    """429 is tried again after Retry-After, and what IAM throttles does not count as refused."""
    waits: list[float] = []
    pace = Pace(lambda: sum(waits))  # a clock that moves on by sleeping
    transport = Transport(client, 5.0, 4, Deadline.after(60), lambda call: None, sleep=waits.append, pace=pace)
    throttled = Fault(service="iam", status=429, error_code="IAM.0012", headers={"Retry-After": "7"}, times=2)
    sandbox.faults.add(throttled)
    assert isinstance(provider.current(transport), Token)
    assert logins(sandbox) == 3
    assert sum(waits) >= 14


def test_nobody_waits_longer_than_its_own_time(sandbox: Sandbox, client: Connections, provider: CredentialProvider):
    """An event with a quarter of a second left does not wait for another one's slow login."""
    sandbox.faults.add(Fault(service="iam", delay=2.0))
    patient = Transport(client, 5.0, 1, Deadline.after(30), lambda call: None)
    hasty = Transport(client, 5.0, 1, Deadline.after(0.25), lambda call: None)
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(provider.current, patient)
        while not sandbox.journal.iam():
            time.sleep(0.01)
        started = time.monotonic()
        with pytest.raises(Unavailable, match="and this one's time ran out") as raised:
            provider.current(hasty)
        assert time.monotonic() - started < 0.9
        assert raised.value.out_of_time
        assert isinstance(slow.result(), Token)


# --- a ready-made token ---


def test_a_token_tells_its_project(sandbox: Sandbox, provider: CredentialProvider, store: Kept, transport: Transport):
    """IAM is asked once what a bare token is for."""
    store.content = sandbox.issue_token()
    assert [provider.project_id(transport) for _ in range(3)] == [sandbox.project_id] * 3
    (received,) = sandbox.journal.iam()
    assert (received.method, received.path) == ("GET", "/v3/auth/tokens")


def test_a_token_that_names_its_project(
    sandbox: Sandbox, provider: CredentialProvider, store: Kept, transport: Transport
):
    """Then nobody is asked."""
    store.content = {"token": sandbox.issue_token(), "project_id": "a-project"}
    assert provider.project_id(transport) == "a-project"
    assert len(sandbox.journal.iam()) == 0


def test_a_token_without_project_is_refused_with_the_setting_named(
    sandbox: Sandbox, provider: CredentialProvider, store: Kept, transport: Transport
):
    """A global token cannot be used here, and the setting that may help is named."""
    store.content = sandbox.issue_token(project=False)
    with pytest.raises(ConfigurationError, match="OS_PROJECT_ID"):
        provider.project_id(transport)


def test_a_token_is_replaced_in_the_store(sandbox: Sandbox, ask: Callable[[], int], store: Kept):
    """The refused token is looked up again, and the new one of the store is sent."""
    store.content = sandbox.issue_token()
    assert ask() == 200
    sandbox.revoke_tokens()
    store.content = sandbox.issue_token()
    assert ask() == 200
    assert logins(sandbox) == 0


def test_a_token_that_stays_refused(sandbox: Sandbox, ask: Callable[[], int], store: Kept):
    """Refused, read again, still the same: it is said so, and sent no second time."""
    store.content = sandbox.issue_token()
    sandbox.revoke_tokens()
    with pytest.raises(CredentialsRefused, match="the secret still holds the same"):
        ask()
    assert len(sandbox.journal.apig()) == 1
    store.content = sandbox.issue_token()
    assert ask() == 200


def test_a_token_refused_by_mistake_serves_while_the_store_is_down(
    sandbox: Sandbox, ask: Callable[[], int], store: Kept
):
    """A token locks nothing: the next event sends it again, and needs no store for it."""
    store.content = sandbox.issue_token()
    sandbox.faults.add(Fault(service="apig", status=401, error_code="APIG.1002"))
    with pytest.raises(CredentialsRefused):
        ask()
    store.down = True
    assert ask() == 200


def test_a_token_that_has_ended_is_not_sent(provider: CredentialProvider, store: Kept, transport: Transport):
    """`expires_at` in the past: it is not even sent."""
    store.content = {"token": "t", "expires_at": "2020-01-01T00:00:00Z"}
    with pytest.raises(
        CredentialsRefused, match=r"^the token of SECRET_URI has expired, and the secret still holds the same one; "
    ):
        provider.current(transport)


def test_a_token_is_used_to_its_end_and_then_read_again(
    provider: CredentialProvider, store: Kept, transport: Transport, clock: Clock
):
    """A ready-made token is used to its end, then the store is asked anew."""
    store.content = {"token": "first", "expires_at": "2100-01-01T00:00:00Z"}
    assert provider.current(transport) == Token(Secret("first"), 4102444800.0)
    clock.ahead = 4102444800.0 - time.time() + 1
    store.content = {"token": "second"}
    assert provider.current(transport) == Token(Secret("second"))
