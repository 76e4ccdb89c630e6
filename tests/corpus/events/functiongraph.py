"""FunctionGraph's triggers TIMER and SMN. Over HTTP none is taken."""

import json
from typing import Any

from tests.corpus.case import CERTIFICATE, GATEWAY, GONE, Case, Refused, Taken, table
from tests.corpus.events import structured

TIMER: dict[str, Any] = {
    "version": "v1.0",
    "time": "2026-02-04T02:00:00+01:00",
    "trigger_type": "TIMER",
    "trigger_name": "Timer_001",
    "user_event": "",
}
TOPIC = "urn:smn:eu-de:d52e41d2434941b194ce3f91b1b12f8a:apig-certificate-detach"
UNTIMED = {name: value for name, value in structured.EVENT.items() if name != "time"}
SMN: dict[str, Any] = {
    "record": [
        {
            "event_version": "1.0",
            "smn": {
                "topic_urn": TOPIC,
                "timestamp": "2026-02-03T06:00:12Z",
                "message_attributes": None,
                "message": json.dumps(UNTIMED),
                "type": "notification",
                "message_id": "a51671f77d4a479cacb09e2cd591a983",
                "subject": "certificate expired",
            },
            "event_subscription_urn": "urn:fss:eu-de:d52e41d2434941b194ce3f91b1b12f8a:function:default:detach:latest",
            "event_source": "smn",
        }
    ],
    "functionname": "apig-certificate-detach",
    "requestId": "7c307f6a-cf68-4e65-8be0-4c77405a1b2c",
    "timestamp": "Tue Feb 03 2026 07:00:12 GMT+0100 (CET)",
}
M = "record.0.smn.message"


def within(levels: int) -> str:
    """The text of a timer's event in so many timers' events."""
    text = ""
    for _ in range(levels):
        text = json.dumps(TIMER | {"user_event": text})
    return text


EVERYTHING = Taken("scheduled_cleanup", {})
USER = Refused("user_event", "expected")
USER_JSON = Refused("user_event", "expected JSON")
USER_OBJECT = Refused("user_event", "expected a JSON object")
USER_TEXT = Refused("user_event", "expected text")
TYPE = Refused("trigger_type", "expected TIMER")
TIME = Refused("time", "RFC 3339")
ONE = Refused("record", "expected exactly one message with a text")
MESSAGE = "record[0].smn.message"
STAMP = Refused("record[0].smn.timestamp", "RFC 3339")
EXPIRED = Taken("certificate_expiry", {"certificate_id": CERTIFICATE}, "ce-1", "/monitoring", "2026-02-03T06:00:12Z")

CASES: list[Case] = [
    *table("TIMER", TIMER, [
        ("as it should be", {}, Taken("scheduled_cleanup", {}, "request-1", "Timer_001", "2026-02-04T01:00:00Z")),
        ("trigger_type missing", {"trigger_type": GONE}, Refused("trigger_type", "expected it beside user_event")),
        ("trigger_type null", {"trigger_type": None}, TYPE),
        ("trigger_type in lower case", {"trigger_type": "timer"}, TYPE),
        ("trigger_type of another trigger", {"trigger_type": "APIG"}, TYPE),
        ("trigger_type a list", {"trigger_type": ["TIMER"]}, TYPE),
        ("trigger_type a number", {"trigger_type": 0}, TYPE),
        ("trigger_name missing", {"trigger_name": GONE}, EVERYTHING),
        ("trigger_name a number", {"trigger_name": 5}, EVERYTHING),
        ("trigger_name with a line break is only told", {"trigger_name": "a\nb"}, Taken("scheduled_cleanup", {}, None, "a\ufffdb")),
        ("time missing", {"time": GONE}, EVERYTHING),
        ("time null", {"time": None}, EVERYTHING),
        ("time empty", {"time": ""}, TIME),
        ("time a number", {"time": 1770166800}, TIME),
        ("time without an offset", {"time": "2026-02-04T02:00:00"}, TIME),
        ("user_event missing", {"user_event": GONE}, EVERYTHING),
        ("user_event null", {"user_event": None}, EVERYTHING),
        ("user_event a space is no empty text", {"user_event": " "}, USER_JSON),
        ("user_event a line break", {"user_event": "\n"}, USER_JSON),
        ("user_event a word", {"user_event": "cleanup"}, USER_JSON),
        ("user_event a gateway's id", {"user_event": GATEWAY}, USER_JSON),
        ("user_event an empty object as text", {"user_event": "{}"}, EVERYTHING),
        ("user_event null as text", {"user_event": "null"}, USER_OBJECT),
        ("user_event an empty list as text", {"user_event": "[]"}, USER_OBJECT),
        ("user_event a number as text", {"user_event": "0"}, USER_OBJECT),
        ("user_event false as text", {"user_event": "false"}, USER_OBJECT),
        ("user_event empty text as JSON text", {"user_event": '""'}, USER_OBJECT),
        ("user_event an object", {"user_event": {}}, USER_TEXT),
        ("user_event an object that narrows", {"user_event": {"instance_ids": [GATEWAY]}}, USER_TEXT),
        ("user_event a list", {"user_event": []}, USER_TEXT),
        ("user_event zero", {"user_event": 0}, USER_TEXT),
        ("user_event false", {"user_event": False}, USER_TEXT),
        ("user_event with a byte order mark", {"user_event": "\ufeff{}"}, USER_JSON),
        ("user_event that narrows", {"user_event": json.dumps({"instance_ids": [GATEWAY]})},
         Taken("scheduled_cleanup", {"instance_ids": [GATEWAY]})),
        ("user_event that narrows to nothing", {"user_event": '{"instance_ids": []}'},
         Refused("user_event.instance_ids", "at least one gateway id")),
        ("user_event with a misspelt narrowing", {"user_event": '{"instanceIds": ["x"]}'},
         Refused("user_event.instanceIds", "did you mean instance_ids?")),
        ("user_event of a narrowing named twice", {"user_event": '{"instance_ids": ["a"], "instance_ids": null}'},
         Refused("user_event", "each key once")),
        ("user_event of a domain", {"user_event": '{"domain": "a.example.com"}'},
         Refused("user_event.domain", "expected an event with a type")),
        ("user_event of a certificate", {"user_event": json.dumps({"certificate_id": CERTIFICATE})},
         Refused("user_event.certificate_id", "expected an event with a type")),
        ("user_event of an undo", {"user_event": '{"undo": []}'}, Refused("user_event.undo", "a timer undoes nothing")),
        ("user_event of a CloudEvent", {"user_event": json.dumps(structured.EVENT)}, structured.EXPIRED),
        ("user_event of a CloudEvent without its type", {"user_event": '{"specversion": "1.0", "id": "1", "source": "/"}'},
         Refused("type", "not empty")),
        ("three timers, one in the other", {"user_event": within(2)}, EVERYTHING),
        ("four timers, one in the other", {"user_event": within(3)}, Refused("user_event", "at most 3 envelopes")),
        ("a narrowing beside user_event", {"instance_ids": [GATEWAY]}, Refused("instance_ids", "inside user_event")),
        ("a dry run beside user_event, from a try-out by hand", {"dryRun": True}, Refused("dryRun", "inside user_event")),
        ("user_event of 90 000 brackets", {"user_event": "[" * 90_000}, Refused("user_event", "at most 64 levels")),
    ], over_http=False),
    *table("TIMER of the decommission", TIMER, [
        ("of one domain", {"user_event": '{"domain": "a.example.com"}'},
         Taken("domain_decommission", {"domain": "a.example.com"})),
        ("of nothing", {}, Refused("user_event.domain", "either domain or domains")),
    ], kind="domain_decommission", over_http=False),
    *table("SMN", SMN, [
        ("as it should be", {}, EXPIRED),
        ("a dry run beside record", {"dry_run": True}, Refused("dry_run", f"inside {MESSAGE}")),
        ("record null", {"record": None}, ONE),
        ("record empty", {"record": []}, ONE),
        ("record an object", {"record": {}}, ONE),
        ("record text", {"record": "smn"}, ONE),
        ("record of two", {"record": [SMN["record"][0]] * 2}, ONE),
        ("record of a null", {"record": [None]}, ONE),
        ("smn missing", {"record.0.smn": GONE}, ONE),
        ("smn null", {"record.0.smn": None}, ONE),
        ("smn text", {"record.0.smn": "{}"}, ONE),
        ("message missing", {M: GONE}, ONE),
        ("message null", {M: None}, ONE),
        ("message an object", {M: structured.EVENT}, ONE),
        ("message a list", {M: []}, ONE),
        ("message empty", {M: ""}, Refused(MESSAGE, "expected JSON")),
        ("message plain text", {M: "the certificate of apigtest.example.com has expired"}, Refused(MESSAGE, "expected JSON")),
        ("message JSON null", {M: "null"}, Refused(MESSAGE, "expected a JSON object")),
        ("message a JSON list", {M: "[]"}, Refused(MESSAGE, "expected a JSON object")),
        ("message of a key twice", {M: '{"a": 1, "a": 2}'}, Refused(MESSAGE, "each key once")),
        ("message with NaN", {M: '{"a": NaN}'}, Refused(MESSAGE, "no NaN")),
        ("message of bare data", {M: json.dumps({"certificate_id": CERTIFICATE})}, Refused("type", "tells its type")),
        ("message of bare nothing", {M: "{}"}, Refused("type", "tells its type")),
        ("message of a CES alarm", {M: '{"message_type": "alarm", "alarm_id": "al1", "alarm_status": "alarm"}'},
         Refused("type", "tells its type")),
        ("message_id missing", {"record.0.smn.message_id": GONE}, EXPIRED),
        ("message_id a number", {"record.0.smn.message_id": 1}, EXPIRED),
        ("timestamp missing", {"record.0.smn.timestamp": GONE}, Taken("certificate_expiry", {"certificate_id": CERTIFICATE})),
        ("timestamp null", {"record.0.smn.timestamp": None}, Taken("certificate_expiry", {"certificate_id": CERTIFICATE})),
        ("timestamp a number", {"record.0.smn.timestamp": 1770098412}, STAMP),
        ("timestamp empty", {"record.0.smn.timestamp": ""}, STAMP),
        ("timestamp as the record writes it", {"record.0.smn.timestamp": SMN["timestamp"]}, STAMP),
        ("topic_urn missing", {"record.0.smn.topic_urn": GONE}, EXPIRED),
        ("topic_urn a list", {"record.0.smn.topic_urn": []}, EXPIRED),
    ], over_http=False),
    *table("SMN with bare data", SMN, [
        ("of the function's kind", {M: json.dumps({"certificate_id": CERTIFICATE})},
         Taken("certificate_expiry", {"certificate_id": CERTIFICATE}, "a51671f77d4a479cacb09e2cd591a983", TOPIC)),
        ("of nothing", {M: "{}"}, Refused("certificate_id", "expected a certificate id")),
    ], kind="certificate_expiry", over_http=False),
    *(
        Case(f"over HTTP no {name} is taken", json.dumps(body).encode(), Refused(field, "not taken over HTTP"))
        for name, body, field in (("TIMER", TIMER, "trigger_type"), ("SMN", SMN, "record"))
    ),
]  # fmt: skip
