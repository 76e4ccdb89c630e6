"""Messages of SQS: their body is any event as JSON text. Over HTTP none is taken."""

import json
from typing import Any

from tests.corpus.case import CERTIFICATE, GATEWAY, GONE, Case, Refused, Taken, table
from tests.corpus.events import eventbridge, structured

ARN = "arn:aws:sqs:eu-central-1:123456789012:apig-certificate-detach"
MESSAGE: dict[str, Any] = {
    "messageId": "sqs-1",
    "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a4",
    "body": json.dumps({name: value for name, value in structured.EVENT.items() if name != "time"}),
    "attributes": {"SentTimestamp": "1770098412000", "SenderId": "AIDAIENQZJOLO23YVJ4VO"},
    "messageAttributes": {},
    "md5OfBody": "2de4217bf5b938cd76422055ab0b0c31",
    "eventSource": "aws:sqs",
    "eventSourceARN": ARN,
    "awsRegion": "eu-central-1",
}
BARE = MESSAGE | {"body": json.dumps({"certificate_id": CERTIFICATE})}
BATCH: dict[str, Any] = {"Records": [MESSAGE]}

EXPIRED = Taken("certificate_expiry", {"certificate_id": CERTIFICATE}, "ce-1", "/monitoring", "2026-02-03T06:00:12Z")
SAME = Taken("certificate_expiry", {"certificate_id": CERTIFICATE})
BODY = Refused("body", "expected exactly one message with a text")
RECORDS = Refused("Records", "expected exactly one message with a text")
BESIDE = "inside body, not beside it"
OBJECT = Refused("body", "expected a JSON object")
SENT = Refused("attributes.SentTimestamp", "epoch milliseconds")


def inside(levels: int) -> str:
    """The text of an event in so many messages, one inside the other."""
    text = json.dumps(structured.EVENT)
    for _ in range(levels):
        text = json.dumps({"messageId": "m", "body": text})
    return text


CASES: list[Case] = [
    *table("SQS", MESSAGE, [
        ("as it should be", {}, EXPIRED),
        ("with an EventBridge event", {"body": json.dumps(eventbridge.EVENT)}, eventbridge.EXPIRED),
        ("messageId missing: then it is no message", {"messageId": GONE}, Refused("type", "tells its type")),
        ("messageId a number", {"messageId": 5}, EXPIRED),
        ("body missing", {"body": GONE}, BODY),
        ("body null", {"body": None}, BODY),
        ("body an object", {"body": structured.EVENT}, BODY),
        ("body a list", {"body": []}, BODY),
        ("body a number", {"body": 1}, BODY),
        ("body empty", {"body": ""}, Refused("body", "expected JSON")),
        ("body a space", {"body": " "}, Refused("body", "expected JSON")),
        ("body plain text", {"body": "certificate expired"}, Refused("body", "expected JSON")),
        ("body JSON null", {"body": "null"}, OBJECT),
        ("body a JSON list", {"body": "[]"}, OBJECT),
        ("body JSON text in JSON text", {"body": json.dumps(inside(0))}, OBJECT),
        ("body in base64", {"body": "eyJzcGVjdmVyc2lvbiI6ICIxLjAifQ=="}, Refused("body", "expected JSON")),
        ("body cut off", {"body": inside(0)[:-1]}, Refused("body", "expected JSON")),
        ("body with a byte order mark", {"body": "\ufeff" + inside(0)}, Refused("body", "expected JSON")),
        ("body with a lone surrogate", {"body": "\ud800" + inside(0)}, Refused("body", "UTF-8")),
        ("body with a NUL", {"body": inside(0) + "\x00"}, Refused("body", "expected JSON")),
        ("body of 1 MiB, the most that SQS takes", {"body": inside(0).ljust(1_048_576)}, structured.EXPIRED),
        ("body of 1 MiB in which JSON escapes each character", {"body": inside(0).ljust(1_048_576, "\n")}, structured.EXPIRED),
        ("body of more", {"body": inside(0).ljust(1_048_577)}, Refused("body", "at most 1048576 bytes")),
        ("a message in it", {"body": inside(1)}, Taken("certificate_expiry", {"certificate_id": CERTIFICATE}, "ce-1")),
        ("three messages in it", {"body": inside(3)}, Refused("body", "at most 3 envelopes")),
        ("a thousand messages in it", {"body": '{"messageId": "m", "body": "' * 1000}, Refused("body", "at most 64 levels")),
        ("attributes missing", {"attributes": GONE}, SAME),
        ("attributes a list", {"attributes": []}, SAME),
        ("SentTimestamp missing", {"attributes.SentTimestamp": GONE}, SAME),
        ("SentTimestamp a number", {"attributes.SentTimestamp": 1770098412000}, EXPIRED),
        ("SentTimestamp empty", {"attributes.SentTimestamp": ""}, SENT),
        ("SentTimestamp a word", {"attributes.SentTimestamp": "now"}, SENT),
        ("SentTimestamp negative", {"attributes.SentTimestamp": "-1"}, SENT),
        ("SentTimestamp a fraction", {"attributes.SentTimestamp": 1770098412000.5}, SENT),
        ("SentTimestamp true", {"attributes.SentTimestamp": True}, SENT),
        ("SentTimestamp in other digits", {"attributes.SentTimestamp": "١٧٧٠٠٩٨٤١٢٠٠٠"}, SENT),
        ("SentTimestamp of 16 digits", {"attributes.SentTimestamp": "9" * 16}, SENT),
        ("SentTimestamp of 5 000 digits", {"attributes.SentTimestamp": "9" * 5000}, SENT),
        ("SentTimestamp RFC 3339", {"attributes.SentTimestamp": "2026-02-03T06:00:12Z"}, SENT),
        ("a dry run beside its body, from a try-out by hand", {"dry_run": True}, Refused("dry_run", BESIDE)),
        ("eventSourceARN missing", {"eventSourceARN": GONE}, EXPIRED),
    ], over_http=False),
    *table("SQS batch", BATCH, [
        ("of one, at another door", {}, EXPIRED),
        ("a dry run beside its Records", {"dryRun": True}, Refused("dryRun", BESIDE)),
        ("Records null", {"Records": None}, RECORDS),
        ("Records empty", {"Records": []}, RECORDS),
        ("Records an object", {"Records": MESSAGE}, RECORDS),
        ("Records text", {"Records": "[]"}, RECORDS),
        ("Records of two, at another door", {"Records": [MESSAGE, MESSAGE]}, RECORDS),
        ("Records of a null", {"Records": [None]}, RECORDS),
        ("Records of a text", {"Records": [inside(0)]}, RECORDS),
        ("Records of an event itself", {"Records": [structured.EVENT]}, RECORDS),
    ], over_http=False),
    *table("SQS with bare data", BARE, [
        ("of the function's kind", {}, Taken("certificate_expiry", {"certificate_id": CERTIFICATE}, "sqs-1", ARN, "2026-02-03T06:00:12Z")),
        ("messageId null: the request's id serves", {"messageId": None},
         Taken("certificate_expiry", {"certificate_id": CERTIFICATE}, "request-1")),
        ("messageId a list", {"messageId": ["m"]}, Refused("id", "1 to 256 printable characters")),
        ("of nothing", {"body": "{}"}, Refused("certificate_id", "expected a certificate id")),
        ("misspelt", {"body": '{"certificateId": "1"}'}, Refused("certificateId", "did you mean certificate_id?")),
    ], kind="certificate_expiry", over_http=False),
    *table("SQS with bare data", BARE, [
        ("that narrows a clean-up", {"body": json.dumps({"instance_ids": [GATEWAY]})},
         Taken("scheduled_cleanup", {"instance_ids": [GATEWAY]})),
        ("of a foreign kind", {}, Refused("certificate_id", "unknown field")),
        ("an empty text is no empty object", {"body": ""}, Refused("body", "expected JSON")),
    ], kind="scheduled_cleanup", over_http=False),
    *table("SQS with bare data", BARE, [
        ("to the function of every kind", {}, Refused("type", "tells its type")),
        ("of nothing, to the function of every kind", {"body": "{}"}, Refused("type", "tells its type")),
    ], over_http=False),
    *(
        Case(f"over HTTP no {name} is taken", json.dumps(body).encode(), Refused(field, "not taken over HTTP"))
        for name, body, field in (
            ("message of SQS", MESSAGE, "messageId"),
            ("batch of SQS", BATCH, "Records"),
            ("empty batch of SQS", {"Records": []}, "Records"),
        )
    ),
]  # fmt: skip
