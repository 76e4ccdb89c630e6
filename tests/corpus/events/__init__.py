"""The shapes of events, a module for each envelope."""

from tests.corpus.case import Case
from tests.corpus.events import (
    binary,
    eventbridge,
    expiry,
    functiongraph,
    kinds,
    names,
    sqs,
    structured,
    text,
    traces,
    vendors,
)

EVENTS: list[Case] = [
    *structured.CASES,
    *binary.CASES,
    *eventbridge.CASES,
    *sqs.CASES,
    *functiongraph.CASES,
    *traces.CASES,
    *expiry.CASES,
    *kinds.CASES,
    *names.CASES,
    *text.CASES,
    *vendors.CASES,
]
