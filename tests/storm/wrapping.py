"""Which envelope an event comes in, drawn by door: each door has envelopes that the other does not take."""

from datetime import datetime
from random import Random
from typing import Any

from tests.storm import envelopes
from tests.storm.envelopes import Said, Wire
from tests.storm.fleet import plain
from tests.storm.spelling import ascii_name


def wrapped(said: Said, rng: Random, door: str, now: datetime) -> tuple[Wire, str]:
    """What is sent, and the envelope's name for the records."""
    return _over_http(said, rng) if door == "http" else _over_sqs(said, rng, now)


def _over_http(said: Said, rng: Random) -> tuple[Wire, str]:
    draw = rng.random()
    if set(said.data) == {"common_name"} and draw < 0.4:
        return Wire(envelopes.dumped(envelopes.acm(said, rng), rng)), "acm"
    if said.kind == "scheduled_cleanup" and draw < 0.3:
        return envelopes.ping(said, rng), "ping"
    if said.kind == "scheduled_cleanup" and draw < 0.5:
        return Wire(envelopes.dumped(envelopes.scheduler(said, rng), rng)), "scheduler"
    if draw < 0.45:
        return envelopes.binary(said, rng), "cloudevents-binary"
    if draw < 0.75:
        return envelopes.structured(said, rng), "cloudevents-structured"
    return Wire(envelopes.dumped(envelopes.eventbridge(said, rng), rng)), "eventbridge"


def _over_sqs(said: Said, rng: Random, now: datetime) -> tuple[Wire, str]:
    made, name = _for_sqs(said, rng)
    draw = rng.random()
    if draw < 0.15 and name in ("cloudevents-structured", "eventbridge"):
        made, name = envelopes.smn(made, now), f"smn+{name}"
    elif draw < 0.2 and name in ("cloudevents-structured", "eventbridge"):
        made, name = envelopes.nested(made, 1), f"sqs+{name}"
    return Wire(envelopes.dumped(made, rng)), name


def _for_sqs(said: Said, rng: Random) -> tuple[dict[str, Any], str]:
    draw = rng.random()
    data = said.data
    if set(data) == {"common_name"} and draw < 0.4:
        return envelopes.acm(said, rng), "acm"
    if set(data) == {"domain"} and draw < 0.5:
        name = rng.choice(("deletePublicRecordSet", "deletePublicZone"))
        return envelopes.cts(name, ascii_name(plain(data["domain"])), said, rng), "cts"
    if said.kind == "scheduled_cleanup" and draw < 0.3:
        return envelopes.timer(data or None, said.time, "Timer_storm"), "timer"
    if said.kind == "scheduled_cleanup" and draw < 0.5:
        return envelopes.scheduler(said, rng), "scheduler"
    if draw < 0.55:
        return envelopes.eventbridge(said, rng), "eventbridge"
    return envelopes.cloudevent(said, rng), "cloudevents-structured"
