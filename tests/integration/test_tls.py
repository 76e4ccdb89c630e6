"""Whom we trust: real handshakes with servers that are not who they claim to be, and redirects that lead away."""

import gc
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox import Fault, Sandbox
from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, DetachError, Unavailable
from shared.transport.tls import new_client
from tests.support.leaks import WATCH
from tests.support.listener import Answer, Heard, listening
from tests.support.world import CERTIFICATE, expire, furnish

TOKEN = secrets.token_urlsafe(40)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> str:
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return str(tmp_path / "ca.pem")


def server(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def empty_page(_: Heard) -> Answer:
    return 200, json.dumps({"size": 0, "total": 0, "instances": []})


class Ask:
    """Lists the gateways of a server with some TLS context; `heard` is the number of requests that it was sent."""

    def __init__(self, new_runtime: Any, ca_file: str) -> None:
        self._new_runtime = new_runtime
        self._ca_file = ca_file
        self.heard = 0

    def __call__(self, tls: ssl.SSLContext) -> None:
        with listening(empty_page, tls=tls) as listener:
            runtime = self._new_runtime(
                TEST_CREDENTIALS=json.dumps({"token": TOKEN, "project_id": "0" * 32}),
                APIG_ENDPOINT=f"https://127.0.0.1:{listener.port}",
                OS_CACERT=self._ca_file,
                HTTP_ATTEMPTS="1",
            )
            try:
                assert list(runtime.work(Deadline.after(10), lambda call: None).client.instances()) == []
            finally:
                self.heard = len(listener.heard)


@pytest.fixture
def ask(new_runtime: Any, ca_file: str) -> Ask:
    WATCH.add([TOKEN])
    return Ask(new_runtime, ca_file)


def test_the_right_certificate_is_trusted(ask: Ask, ca: trustme.CA):
    """A name and an issuer that are right: the request is sent."""
    ask(server(ca.issue_cert("127.0.0.1")))
    assert ask.heard == 1


@pytest.mark.parametrize(
    ("make", "error", "reason"),
    [
        (lambda ca: trustme.CA().issue_cert("127.0.0.1"), ConfigurationError, "unable to get local issuer certificate"),
        (lambda ca: ca.issue_cert("apig.example.com"), ConfigurationError, "IP address mismatch"),
        (
            lambda ca: ca.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1)),
            Unavailable,
            "certificate has expired",
        ),
    ],
    ids=["unknown issuer", "another host", "expired"],
)
def test_a_certificate_that_is_not_trusted(ask: Ask, ca: trustme.CA, make: Any, error: type[DetachError], reason: str):
    """Refused before the token is sent; the error says why. An expired one is retryable: its owner will renew it."""
    with pytest.raises(error, match=reason) as raised:
        ask(server(make(ca)))
    assert raised.value.message.startswith("GET instances: ")
    assert ask.heard == 0


def test_a_self_signed_certificate_is_refused(ask: Ask):
    """A certificate that vouches for itself."""
    root = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf = root.issue_cert("127.0.0.1")
    leaf.configure_cert(context)
    context.load_verify_locations(cadata=root.cert_pem.bytes().decode())
    with pytest.raises(
        ConfigurationError, match="certificate is not trusted.*check the endpoint's host name, and the CA"
    ):
        ask(context)


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_server_with_an_old_tls_is_refused(ask: Ask, ca: trustme.CA, version: str):
    """A server that speaks TLS 1.1 at most is not spoken to, and the protocol is named as the reason."""
    context = server(ca.issue_cert("127.0.0.1"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    with pytest.raises(Unavailable, match="(?i)protocol"):
        ask(context)
    assert ask.heard == 0


def test_a_private_ca_without_key_usage(ask: Ask, tmp_path: Path):
    """Taken by every Python alike, though 3.13's default context refuses it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An old private CA")])
    now = datetime.now(UTC)
    root = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = root.public_bytes(serialization.Encoding.PEM)
    leaf = trustme.CA.from_pem(public, private).issue_cert("127.0.0.1")
    (tmp_path / "ca.pem").write_bytes(public)  # what `ask` trusts
    ask(server(leaf))
    assert ask.heard == 1


def test_an_unreadable_ca_file_is_named(new_runtime: Any, tmp_path: Path):
    """The setting and the file are named."""
    (tmp_path / "no.pem").write_text("no certificate")
    for path in (tmp_path / "no.pem", tmp_path / "missing.pem", tmp_path):
        with pytest.raises(ConfigurationError, match=f"OS_CACERT: '{path}' is no readable file"):
            new_runtime(OS_CACERT=str(path)).check()


@pytest.fixture
def elsewhere() -> Iterator[Any]:
    """Another host, which is to hear nothing."""
    with listening(empty_page) as listener:
        yield listener
        assert listener.heard == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("service", ["iam", "apig"])
def test_redirects_are_not_followed(sandbox: Sandbox, new_runtime: Any, elsewhere: Any, status: int, service: Any):
    """Neither the password nor the token goes where a redirect points; the error names both hosts, and no query."""
    furnish(sandbox)
    location = f"{elsewhere.url}/v3/auth/tokens?token=hunter2-hunter2"
    sandbox.faults.add(Fault(service=service, status=status, headers={"Location": location}, raw_body="", times=None))
    with pytest.raises(ConfigurationError, match="a redirect to http://127") as raised:
        expire(new_runtime(), certificate_id=CERTIFICATE)
    assert f"answered {status}" in raised.value.message
    assert f"a redirect to {elsewhere.url}: not followed" in raised.value.message
    assert "hunter2" not in raised.value.message


@pytest.mark.parametrize("location", ["", "http://[", "//\x00", "http://ex ample.com"])
def test_a_redirect_to_nowhere_is_an_error_like_any_other(sandbox: Sandbox, new_runtime: Any, location: str):
    """A Location that is none is an error like any other."""
    headers = {"Location": location} if "\x00" not in location else {}
    sandbox.faults.add(Fault(service="iam", status=302, headers=headers, raw_body=""))
    with pytest.raises(ConfigurationError, match="not followed"):
        expire(new_runtime(), certificate_id=CERTIFICATE)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"])
def test_no_proxy_of_the_environment(
    sandbox: Sandbox, new_runtime: Any, elsewhere: Any, monkeypatch: pytest.MonkeyPatch, name: str
):
    """A variable that happens to be set sends nothing through a proxy, and a .netrc adds no password."""
    monkeypatch.setenv(name, elsewhere.url)
    furnish(sandbox)
    assert expire(new_runtime(), certificate_id=CERTIFICATE)["status"] == "detached"


def contexts() -> int:
    gc.collect()
    return sum(isinstance(each, ssl.SSLContext) for each in gc.get_objects())


def test_a_process_has_one_tls_context(sandbox: Sandbox, new_runtime: Any):
    """However many events there are, and whatever the store, one TLS context serves them."""
    furnish(sandbox)
    before = contexts()
    runtime = new_runtime(SECRET_URI="vault:kv/apig", VAULT_ADDR=sandbox.endpoint, VAULT_CACERT=sandbox.ca_file)
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="vault:kv/apig"):
            expire(runtime, certificate_id=CERTIFICATE)
    assert contexts() == before + 1


# --- the system's trust store ---


def hashed_name(ca: trustme.CA) -> str:
    """The name by which OpenSSL finds a CA in a folder: X509_NAME_hash, of the subject in its canonical form."""
    subject = x509.load_pem_x509_certificate(ca.cert_pem.bytes()).subject

    def tlv(tag: int, content: bytes) -> bytes:
        assert len(content) < 128
        return bytes([tag, len(content)]) + content

    canonical = b""
    for attribute in subject:
        numbers = [int(part) for part in attribute.oid.dotted_string.split(".")]
        oid = tlv(0x06, bytes([40 * numbers[0] + numbers[1], *numbers[2:]]))
        text = tlv(0x0C, " ".join(str(attribute.value).lower().split()).encode())
        canonical += tlv(0x31, tlv(0x30, oid + text))
    digest = hashlib.sha1(canonical, usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}.0"


def status_of(tls: ssl.SSLContext) -> int:
    with listening(empty_page, tls=tls) as listener, new_client(None) as client:
        status, _, _ = client.ask(httpx.Request("GET", f"https://127.0.0.1:{listener.port}/"), time.monotonic() + 5)
        return status


@pytest.mark.parametrize("others", [0, 60])
def test_a_folder_named_by_hash_is_trusted(
    ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: int
):
    """The CA of such a folder is trusted, whether it stands among all others or alone, added to the system's bundle."""
    ca.cert_pem.write_to_path(str(tmp_path / hashed_name(ca)))
    for number in range(others):
        trustme.CA().cert_pem.write_to_path(str(tmp_path / f"{number:08x}.0"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert status_of(server(ca.issue_cert("127.0.0.1"))) == 200
    with pytest.raises(httpcore.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        status_of(server(trustme.CA().issue_cert("127.0.0.1")))


def test_a_bundle_named_by_the_variable_counts(
    ca: trustme.CA, ca_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """SSL_CERT_FILE counts beside such a folder, and without one."""
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    assert status_of(server(ca.issue_cert("127.0.0.1"))) == 200
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nowhere"))
    assert status_of(server(ca.issue_cert("127.0.0.1"))) == 200


def test_a_system_without_trust_store(ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Then the public CAs that certifi brings are trusted, and nobody else."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(httpcore.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        status_of(server(ca.issue_cert("127.0.0.1")))
