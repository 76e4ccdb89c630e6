"""What an outcome or a log line claims: pairs by list."""

from tests.storm.oracle.names import plain
from tests.storm.oracle.records import Json, Pair

LISTS = ("detached", "already_detached", "attached", "already_attached", "kept", "failed", "planned")
Claim = tuple[str, Pair]


def listed(part: Json, name: str, certificate_id: str | None = None) -> list[tuple[Pair, Json]]:
    """The pairs of one list of an outcome's certificate, or of a log line whose entries tell the certificate."""
    return [
        ((certificate_id or entry.get("certificate_id") or "", plain(entry["domain"]), gateway), entry)
        for entry in part.get(name) or ()
        for gateway in entry.get("instance_ids") or ()
    ]


def of_outcome(outcome: Json) -> dict[str, list[tuple[Pair, Json]]]:
    """The pairs of all certificates by list."""
    return {
        name: [
            found
            for certificate in outcome.get("certificates") or ()
            for found in listed(certificate, name, certificate["certificate_id"])
        ]
        for name in LISTS
    }


def as_set(told: dict[str, list[tuple[Pair, Json]]]) -> set[Claim]:
    """The same to be compared."""
    return {(name, pair) for name, pairs in told.items() for pair, _ in pairs}


def of_line(fields: Json) -> set[Claim]:
    """What a line `detach.report` tells."""
    return {(name, pair) for name in LISTS for pair, _ in listed(fields, name)}
