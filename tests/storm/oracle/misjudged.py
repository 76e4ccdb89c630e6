"""(e) Misjudged: what passes by itself ended as lasting, or the reverse; a good event refused, or a bad one taken."""

import re
from collections.abc import Iterator
from math import inf

from tests.storm.oracle.case import LOG_CLOCK, Case, Flight
from tests.storm.oracle.claims import of_outcome
from tests.storm.oracle.records import Json
from tests.storm.oracle.verdict import Violation

RETRYABLE = ("Unavailable", "CredentialsRefused")
LASTING = ("InvalidEvent", "ConfigurationError", "AccessDenied", "NotFound", "BlastRadiusExceeded", "Rejected")


def _codes(service: str, numbers: str) -> set[str]:
    return {f"{service}.{number}" for number in re.findall(r"\d{4}", numbers)}


# By the vendor's table of error codes: the same request succeeds later, or with new credentials.
PASSING_CODES = (
    _codes("APIG", "9008 0308 1010 1029 2035 3711 3718 9999 0601 1000 1001 1002 0301 0307")
    | _codes("APIC", "7701 9000 7100 7101 7102")
)  # fmt: skip
# No permission, another tenant, a wrong scope, no such gateway, a parameter that is wrong; some of them come as 401.
LASTING_CODES = (
    _codes("APIG", "1003 1005 1007 1008 1009 1011 1012 1013 1101 1115 1119 1136 1201 1301 2012 3030 0302 0101")
    | _codes("APIC", "7103 7105 7107 7302")
)  # fmt: skip
NOT_AN_EVENT = (400, 401, 403, 405, 413, 415)  # what the HTTP door refuses before it reads an event


def find(case: Case) -> Iterator[Violation]:
    """Each attempt by its answer, and by what its requests met."""
    for flight in case.flights:
        for what in _of(case, flight):
            attempt = flight.delivery["attempt"]
            yield Violation("e", flight.event, f"attempt {attempt}: {what}", at=flight.answered_at)


def _of(case: Case, flight: Flight) -> Iterator[str]:
    delivery = flight.delivery
    result, error = delivery["result"], delivery["error"]
    if result == "no_answer":
        return
    if flight.meaning.kind is None:
        yield from _malformed(case, flight)
        return
    if result == "acknowledged":
        return
    if error == "InvalidEvent" and not flight.meaning.fields.get("expected_error"):
        yield "InvalidEvent, and the event is well formed"
    elif error not in RETRYABLE + LASTING and not (error is None and (flight.outcome or {}).get("cursor")):
        yield f"it ended with {error or 'no error of ours'} (status {delivery.get('status')}): a bug"
    elif error in RETRYABLE + LASTING:
        if (error in RETRYABLE) != (result == "retryable"):
            yield f"{error} was answered as {result}"
        yield from _by_codes(case, flight, error)
        yield from _by_parts(flight, error)
        yield from _too_many(flight, error)
        if error in LASTING and error not in ("InvalidEvent", "BlastRadiusExceeded"):
            yield from _by_causes(case, flight, error)


def _malformed(case: Case, flight: Flight) -> Iterator[str]:
    delivery = flight.delivery
    if delivery["result"] == "acknowledged":
        yield f"a malformed event ({flight.meaning.fields.get('envelope')}) was taken for a good one"
    elif delivery["error"] != "InvalidEvent":
        refused = delivery["error"] is None and delivery.get("status") in NOT_AN_EVENT
        struck = any(each["fault"] for each in case.requests_in(flight.sent_at, flight.answered_at))
        remembered = delivery["error"] == "CredentialsRefused"  # of an event before: they are not tried all the time
        if not refused and not struck and not remembered:
            yield f"a malformed event ended as {delivery['error']}, and no fault had struck"


def _by_codes(case: Case, flight: Flight, error: str) -> Iterator[str]:
    """The error's class against the API's own code that stands beside it: of the event, of each part of it."""
    told = [(error, each) for each in _told_codes(case, flight, error)]
    for entries in ("certificates", "gateways"):
        told += [(each["error"], each.get("error_code")) for each in _failed(flight.outcome, entries)]
    told += [(each.get("error"), each.get("error_code")) for _, each in of_outcome(flight.outcome or {})["failed"]]
    for name, code in dict.fromkeys(told):
        if name in LASTING and code in PASSING_CODES:
            yield f"{code} passes by itself, and was taken for {name}"
        if name in RETRYABLE and code in LASTING_CODES:
            yield f"{code} lasts, and was taken for {name}"


def _told_codes(case: Case, flight: Flight, error: str) -> Iterator[str]:
    lines = case.log.of(
        "detach.report", flight.meaning.fields["id"], flight.sent_at - LOG_CLOCK, flight.answered_at + LOG_CLOCK
    )
    return (
        line.fields["error_code"] for line in lines if line.fields.get("error") == error and "error_code" in line.fields
    )


def _failed(outcome: Json | None, name: str) -> list[Json]:
    return [each for each in (outcome or {}).get(name) or () if each.get("error")]


def _by_parts(flight: Flight, error: str) -> Iterator[str]:
    """A retry would finish what failed for now: a lasting failure of another part must not hide it."""
    outcome = flight.outcome or {}
    parts = [*_failed(outcome, "certificates"), *_failed(outcome, "gateways")]
    names = {each["error"] for each in parts} | {each.get("error") for _, each in of_outcome(outcome)["failed"]}
    passing = sorted(names & set(RETRYABLE))
    if error in LASTING and passing:
        yield f"a part of it failed with {passing[0]}, and the event with {error}: it is not tried again"


def _too_many(flight: Flight, error: str) -> Iterator[str]:
    if error != "BlastRadiusExceeded":
        return
    meaning, history = flight.meaning, flight.meaning.history
    most = (
        len(meaning.undone)
        if meaning.kind == "undo"
        else sum(
            history.bound_sometime(pair, flight.sent_at, flight.answered_at) and meaning.must_keep(pair) is None
            for pair in meaning.pairs()
        )
    )
    if most <= meaning.cap:
        yield f"BlastRadiusExceeded, and it means {most} bindings at most, of {meaning.cap} that are allowed"


def _by_causes(case: Case, flight: Flight, error: str) -> Iterator[str]:
    """A lasting error needs a lasting answer: by the journal of all that may be its requests, and by its own log."""
    requests = case.requests_in(flight.sent_at, flight.answered_at)
    mine = [each for each in requests if _may_be_of(flight, each)]
    if flight.meaning.kind == "undo" and not _all_attachable(flight):
        return
    if not any(_lasts(each) for each in mine):
        met = sorted({each["fault"]["name"] for each in mine if each["fault"]})
        yield f"{error}, and no request in its time met anything that lasts ({', '.join(met) or 'no fault at all'})"
        return
    lines = case.log.of("gateway.call", flight.meaning.fields["id"], flight.sent_at, flight.answered_at)
    clock = error == "ConfigurationError"  # a date that is off is no failed call
    if lines and not clock and all(_passed(line.fields) for line in lines) and not any(map(_denied, mine)):
        codes = sorted({str(line.fields.get("error_code") or line.fields.get("status")) for line in lines})
        yield f"{error}, and by its log all that it met passes by itself ({', '.join(codes)})"


def _may_be_of(flight: Flight, request: Json) -> bool:
    """Whether the event may have sent it: one that names a certificate has to be about one that it means."""
    parts = request["path"].split("/")
    if request["service"] == "iam" or "certificates" not in parts[:-1]:
        return True
    certificate_id = parts[parts.index("certificates") + 1]
    if flight.meaning.kind == "undo":
        return any(pair[0] == certificate_id for pair in flight.meaning.undone)
    return flight.meaning.of_certificate(certificate_id)


def _lasts(request: Json) -> bool:
    """A lasting fault, or a refusal that is true."""
    fault, status = request["fault"], request["status"]
    if fault is not None and fault["class"] == "permanent":
        return True
    refused = status is not None and 400 <= status < 500 and status not in (401, 408, 429)
    return refused and request["error_code"] not in PASSING_CODES


def _denied(request: Json) -> bool:
    """A true refusal, of which the log's own lines need not tell: a certificate or a domain that is gone."""
    return request["fault"] is None and _lasts(request)


def _passed(call: Json) -> bool:
    status, code = call.get("status"), call.get("error_code")
    if code in LASTING_CODES:  # a missing permission comes as 401, too
        return False
    return status is None or status >= 500 or status in (200, 401, 408, 429) or code in PASSING_CODES


def _all_attachable(flight: Flight) -> bool:
    """Whether nothing that is true of the fleet keeps the undo from attaching all."""
    meaning, since, until = flight.meaning, flight.sent_at, flight.answered_at
    return all(
        meaning.had_to_come(pair, since, until) or meaning.history.bound_throughout(pair, since, until)
        for pair in meaning.undone
    ) and all(
        meaning.history.valid_throughout(pair[0], since, inf if until is None else until) for pair in meaning.undone
    )
