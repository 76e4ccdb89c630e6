"""What can go wrong with one request: a table of faults for reads, one for writes, one for IAM.

`kind` is what an operator would say of it: "transient" passes by itself, "permanent" does not, "credentials" are
refused or rotated, "data" is an answer that is not what it says. `applied` tells that the request was carried out.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any

from sandbox import Fault

HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
SLOW = 0.06  # seconds between the pieces of an answer that drips and still comes in time
Make = Callable[[Random, float], Fault]  # from the draw and the product's HTTP_TIMEOUT in seconds


@dataclass(frozen=True)
class Row:
    """One fault. `world` names what it does to the world before the request is carried out, if anything."""

    weight: float
    name: str
    kind: str
    make: Make
    world: str | None = None
    applied: bool = False


def _code(error_code: str, status: int | None = None, **more: Any) -> Make:
    return lambda rng, timeout: Fault(error_code=error_code, status=status, **more)


def _fixed(**fields: Any) -> Make:
    return lambda rng, timeout: Fault(**fields)


def _true(rng: Random, timeout: float) -> Fault:
    """The true answer: what is wrong is the world."""
    return Fault()


def _late(rng: Random, timeout: float) -> Fault:
    return Fault(delay=timeout + 0.4)


def _dripping(rng: Random, timeout: float) -> Fault:
    return Fault(drip=timeout / 4)


def _date(seconds: float) -> Make:
    """The gateway's clock is off by so many seconds."""
    return lambda rng, timeout: Fault(headers={"Date": _http_date(seconds)})


def _retry_at(rng: Random, timeout: float) -> Fault:
    return Fault(status=429, error_code="APIG.0308", headers={"Retry-After": _http_date(1)})


def _http_date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def _cut(rng: Random, timeout: float) -> Fault:
    share = rng.random()
    return Fault(reshape=lambda body: body[: int(len(body) * share)])


def _total(change: int) -> Make:
    def reshape(body: bytes) -> bytes:
        try:
            fields = json.loads(body)
        except ValueError:
            return body
        if isinstance(fields, dict) and "total" in fields:
            fields["total"] = max(0, fields["total"] + change)
        return json.dumps(fields).encode()

    return _fixed(reshape=reshape)


# By appendix/error_codes.rst: the same request succeeds later.
_PASSING = [
    Row(14, "throttled-9008", "transient", _code("APIG.9008")),
    Row(3, "throttled-429-seconds", "transient", _code("APIG.0308", headers={"Retry-After": "1"})),
    Row(3, "throttled-429-date", "transient", _retry_at),
    Row(6, "system-error-9999", "transient", _code("APIG.9999")),
    Row(3, "internal-0601", "transient", _code("APIG.0601")),
    Row(3, "pdp-1010", "transient", _code("APIG.1010")),
    Row(2, "pdp-1029", "transient", _code("APIG.1029", 500)),
    Row(2, "filing-2035", "transient", _code("APIG.2035", 400)),
    Row(1, "once-a-minute-3711", "transient", _code("APIG.3711")),
    Row(3, "task-3718", "transient", _code("APIG.3718")),
    Row(3, "status-conflict-7701", "transient", _code("APIC.7701")),
    Row(3, "internal-9000", "transient", _code("APIC.9000")),
    Row(4, "html-502", "transient", _fixed(status=502, raw_body=HTML, headers={"Content-Type": "text/html"})),
    Row(3, "empty-503", "transient", _fixed(status=503, raw_body="")),
    Row(5, "reset", "transient", _fixed(action="reset")),
    Row(5, "dropped", "transient", _fixed(action="drop")),
]
_TOKEN = [
    Row(3, "token-1002", "credentials", _code("APIG.1002")),
    Row(2, "token-1001", "credentials", _code("APIG.1001")),
    Row(1, "token-0301", "credentials", _code("APIG.0301")),
    Row(1, "token-0307", "credentials", _code("APIG.0307")),
    Row(1, "tokens-revoked", "credentials", _true, world="revoke"),
    Row(0.5, "password-rotated", "credentials", _true, world="rotate"),
]
_LASTING = [
    Row(1, "forbidden-1005", "permanent", _code("APIG.1005")),
    Row(0.5, "forbidden-1005-as-401", "permanent", _code("APIG.1005", 401)),
    Row(0.5, "forbidden-0302", "permanent", _code("APIG.0302")),
    Row(0.3, "no-project-1003", "permanent", _code("APIG.1003")),
    Row(0.5, "invalid-2012", "permanent", _code("APIG.2012")),
    Row(0.3, "no-api-0101", "permanent", _code("APIG.0101")),
]


def _rest(weight: float, kind: str, codes: dict[int, str]) -> list[Row]:
    """The other codes of the vendor's table, each seldom."""
    return [
        Row(weight, f"{kind}-{code}", kind, _code(code, status))
        for status, text in codes.items()
        for code in text.split()
    ]


_TABLE = [
    *_rest(
        0.2,
        "transient",
        {
            500: "APIG.3500 APIG.9003 APIG.9004 APIG.9005 APIG.9006 APIG.9007 APIG.9013 APIC.7253 APIC.9100 APIC.9999",
            503: "APIG.0608 APIG.0613",
        },
    ),
    *_rest(0.2, "credentials", {401: "APIG.1000 APIC.7100 APIC.7101 APIC.7102"}),
    *_rest(
        0.05,
        "permanent",
        {
            400: "APIG.1119 APIG.1201 APIG.2001 APIG.2002 APIG.2007 APIG.2011 APIG.2013 APIG.2024 APIG.2029 APIG.3305",
            401: "APIG.1007 APIG.1008 APIG.1009 APIG.1011 APIG.1012 APIG.1013 APIC.7103 APIC.7105 APIC.7107",
            403: "APIG.1020 APIG.1101 APIG.1136 APIG.1301 APIG.3108 APIG.3474 APIG.0306 APIG.0310 APIG.0802 APIC.7106"
            " APIC.7110 APIC.7118 APIC.7300",
            404: "APIG.3001 APIG.3007 APIC.7302",
            409: "APIC.7712 APIG.1149 APIG.3712 APIG.3708 APIG.3709",
            412: "APIG.3458",
            413: "APIG.0201",
        },
    ),
]
READS = [
    *_PASSING,
    *_TOKEN,
    *_LASTING,
    *_TABLE,
    Row(2, "answer-late", "transient", _late),
    Row(1, "answer-drips-too-long", "transient", _dripping),
    Row(3, "answer-drips", "data", _fixed(drip=SLOW)),
    Row(5, "json-cut", "data", _cut),
    Row(4, "html-200", "data", _fixed(status=200, raw_body=HTML, headers={"Content-Type": "text/html"})),
    Row(3, "empty-200", "data", _fixed(status=200, raw_body="")),
    Row(3, "text-plain", "data", _fixed(headers={"Content-Type": "text/plain; charset=latin-1"})),
    Row(3, "total-too-large", "data", _total(+7)),
    Row(3, "total-too-small", "data", _total(-7)),
    Row(2, "clock-ten-minutes-behind", "data", _date(-600)),
    Row(2, "clock-ten-minutes-ahead", "data", _date(600)),
    Row(0.3, "clock-an-hour-behind", "permanent", _date(-3600)),
    Row(0.3, "clock-an-hour-ahead", "permanent", _date(3600)),
    Row(8, "listing-moves", "data", _true, world="move"),
    Row(1, "renewed", "data", _true, world="renew"),
]
ONE_GATEWAY = [  # for requests that name one gateway
    Row(2, "forbidden-gateway-1005", "permanent", _code("APIG.1005")),
    Row(1, "no-gateway-3030", "permanent", _code("APIG.3030")),
]
ONE_CERTIFICATE = [  # for requests that name one certificate
    Row(2, "no-certificate-3021", "permanent", _code("APIG.3021")),
    Row(1, "no-certificate-3025", "permanent", _code("APIG.3025")),
    Row(1, "forbidden-1115", "permanent", _code("APIG.1115")),
]
WRITES = [
    *_PASSING,
    *_TOKEN,
    *_LASTING,
    *_TABLE,
    Row(8, "reply-lost", "transient", _fixed(action="lost_reply"), applied=True),
    Row(3, "answer-late", "transient", _late, applied=True),
    Row(5, "applied-9999", "transient", _code("APIG.9999", applied=True), applied=True),
    Row(4, "applied-502", "transient", _fixed(status=502, raw_body=HTML, applied=True), applied=True),
    Row(2, "applied-401", "credentials", _code("APIG.1002", applied=True), applied=True),
    Row(2, "answer-200", "data", _fixed(status=200, raw_body="{}", applied=True), applied=True),
    Row(2, "html-200", "data", _fixed(status=200, raw_body=HTML, headers={"Content-Type": "text/html"})),
    Row(3, "no-record-3097", "data", _code("APIG.3097")),
    Row(2, "no-domain-3020", "data", _code("APIG.3020")),
    Row(2, "no-valid-name-2000", "data", _code("APIG.2000")),
    Row(1, "performed-3309", "data", _code("APIG.3309")),
    Row(2, "applied-no-record-3097", "data", _code("APIG.3097", applied=True), applied=True),
    Row(2, "applied-no-valid-name-2000", "data", _code("APIG.2000", applied=True), applied=True),
    Row(1, "forbidden-1115", "permanent", _code("APIG.1115")),
    Row(4, "renewed", "data", _true, world="renew"),
    Row(1, "certificate-deleted", "data", _true, world="delete"),
    Row(4, "domain-rebound", "data", _true, world="rebind"),
    Row(4, "domain-taken-away", "data", _true, world="take_away"),
    Row(1, "domain-removed", "data", _true, world="remove_domain"),
]
IAM = [
    Row(6, "iam-error-0006", "transient", _code("IAM.0006")),
    Row(4, "iam-throttled-0012", "transient", _code("IAM.0012")),
    Row(4, "iam-down", "transient", _fixed(status=503, raw_body=HTML), world="iam_down"),
    Row(3, "iam-html-502", "transient", _fixed(status=502, raw_body=HTML, headers={"Content-Type": "text/html"})),
    Row(3, "iam-reset", "transient", _fixed(action="reset")),
    Row(2, "iam-late", "transient", _late),
    Row(2, "iam-json-cut", "data", _cut),
    Row(2, "iam-201-without-token", "data", _fixed(status=201, raw_body="{}")),
    Row(1, "iam-unauthorized-0001", "credentials", _code("IAM.0001"), world="rotate"),
    Row(0.5, "iam-locked-0061", "credentials", _code("IAM.0061"), world="rotate"),
    Row(1, "iam-password-rotated", "credentials", _true, world="rotate"),
    Row(0.2, "iam-invalid-0007", "permanent", _code("IAM.0007")),
    Row(0.2, "iam-invalid-0011", "permanent", _code("IAM.0011")),
    Row(0.2, "iam-not-found-0004", "permanent", _code("IAM.0004")),
    Row(0.5, "iam-forbidden-0002", "credentials", _code("IAM.0002"), world="rotate"),
]
DOWN = Row(0.0, "iam-down", "transient", _fixed(status=503, raw_body=HTML))
REFUSED_NAME = Row(0, "refused-name-2012", "permanent", _code("APIG.2012"))
