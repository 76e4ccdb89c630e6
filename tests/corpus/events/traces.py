"""CTS traces of DNS deletions. Over HTTP none is taken."""

import json
from typing import Any

from tests.corpus.case import GONE, Case, Refused, Taken, table

TRACE: dict[str, Any] = {
    "cts": {
        "code": 0,
        "message": "DELETE /v2/zones/ff8080825b8fc86c015b94bc6f8712c3/recordsets/2c9eb155587228570158722b6ac30007",
        "request": {},
        "resource_id": "2c9eb155587228570158722b6ac30007",
        "resource_name": "legacy.example.com.",
        "resource_type": "publicRecordSet",
        "response": {"name": "legacy.example.com.", "type": "CNAME", "zone_name": "example.com."},
        "service_type": "DNS",
        "time": 1770110500507,
        "trace_id": "cts-1",
        "trace_name": "deletePublicRecordSet",
        "trace_rating": "normal",
        "trace_status": "normal",
        "user": {"name": "dns-admin", "id": "e14aed517380466cac2d109877a5ac6b"},
    }
}
BARE: dict[str, Any] = {
    "cts": {"trace_name": "deletePublicZone", "trace_id": "cts-2", "resource_name": "legacy.example.com"}
}

ONE = {"domain": "legacy.example.com"}
LEGACY = Taken("domain_decommission", ONE)
NAME = Refused("cts.trace_name", "expected deletePublicRecordSet, deletePrivateRecordSet, deletePublicZone")
NOTHING = "nothing was decommissioned"
WHERE = Refused("cts.resource_name", "expected a domain name such as")
TIME = Refused("cts.time", "expected epoch milliseconds")
ADDRESS = Refused("cts", "a record of type A or CNAME")
ID = Refused("cts.trace_id", "1 to 256 printable characters")

CASES: list[Case] = [
    *table("CTS", TRACE, [
        ("as it should be", {}, Taken(
            "domain_decommission", ONE, "cts-1", "DNS/dns-admin/e14aed517380466cac2d109877a5ac6b", "2026-02-03T09:21:40.507000Z")),
        ("cts null", {"cts": None}, NAME),
        ("cts a list", {"cts": []}, NAME),
        ("cts text", {"cts": "{}"}, NAME),
        ("cts empty", {"cts": {}}, NAME),
        ("trace_name missing", {"cts.trace_name": GONE}, NAME),
        ("trace_name null", {"cts.trace_name": None}, NAME),
        ("trace_name empty", {"cts.trace_name": ""}, NAME),
        ("trace_name a list", {"cts.trace_name": ["deletePublicZone"]}, NAME),
        ("trace_name in capitals", {"cts.trace_name": "DeletePublicZone"}, NAME),
        ("trace_name of a creation", {"cts.trace_name": "createPublicRecordSet"}, NAME),
        ("trace_name of a change", {"cts.trace_name": "updatePublicRecordSet"}, NAME),
        ("trace_name of our own call: a loop", {"cts.trace_name": "BatchDisassociateDomains"}, NAME),
        ("trace_name of a PTR record", {"cts.trace_name": "deletePTRRecord"}, NAME),
        ("trace_rating missing: older traces have trace_status", {"cts.trace_rating": GONE}, LEGACY),
        ("trace_rating warning", {"cts.trace_rating": "warning"}, Refused("cts.trace_rating", NOTHING)),
        ("trace_rating in capitals with a space", {"cts.trace_rating": "Warning "}, Refused("cts.trace_rating", NOTHING)),
        ("trace_rating incident", {"cts.trace_rating": "incident"}, Refused("cts.trace_rating", NOTHING)),
        ("trace_status warning under a normal rating", {"cts.trace_status": "warning"}, Refused("cts.trace_status", NOTHING)),
        ("code 204 as text", {"cts.code": "204"}, LEGACY),
        ("code missing", {"cts.code": GONE}, LEGACY),
        ("code 403", {"cts.code": 403}, Refused("cts.code", NOTHING)),
        ("code 403 as text", {"cts.code": "403"}, Refused("cts.code", NOTHING)),
        ("code 500 with spaces", {"cts.code": " 500 "}, Refused("cts.code", NOTHING)),
        ("code 404 as a fraction", {"cts.code": 404.0}, Refused("cts.code", NOTHING)),
        ("code 500 behind zeros", {"cts.code": "0000000000500"}, Refused("cts.code", NOTHING)),
        ("code empty", {"cts.code": ""}, LEGACY),
        ("code null", {"cts.code": None}, LEGACY),
        ("code 200 as a fraction", {"cts.code": 200.0}, LEGACY),
        ("code negative", {"cts.code": -1}, Refused("cts.code", NOTHING)),
        ("code true", {"cts.code": True}, Refused("cts.code", NOTHING)),
        ("code an object", {"cts.code": {}}, Refused("cts.code", NOTHING)),
        ("code of the service", {"cts.code": "DNS.0302"}, Refused("cts.code", NOTHING)),
        ("code of 5 000 digits", {"cts.code": "9" * 5000}, Refused("cts.code", NOTHING)),
        ("type A", {"cts.response.type": "A"}, LEGACY),
        ("type in lower case", {"cts.response.type": "cname"}, LEGACY),
        ("type AAAA: the A record still leads there", {"cts.response.type": "AAAA"}, ADDRESS),
        ("type TXT", {"cts.response.type": "TXT"}, ADDRESS),
        ("type MX in the request", {"cts.request": {"type": "MX"}}, ADDRESS),
        ("type a number", {"cts.response.type": 5}, ADDRESS),
        ("type a list", {"cts.response.type": ["A"]}, ADDRESS),
        ("type null", {"cts.response.type": None}, LEGACY),
        ("response JSON text", {"cts.response": json.dumps({"name": "legacy.example.com.", "type": "A"})}, LEGACY),
        ("response JSON text of type TXT", {"cts.response": json.dumps({"name": "a.example.com.", "type": "TXT"})}, ADDRESS),
        ("response empty text", {"cts.response": ""}, LEGACY),
        ("response broken text", {"cts.response": '{"type":'}, LEGACY),
        ("response a list", {"cts.response": []}, LEGACY),
        ("response null", {"cts.response": None}, LEGACY),
        ("resource_name missing: the response has it", {"cts.resource_name": GONE}, LEGACY),
        ("resource_name null", {"cts.resource_name": None}, LEGACY),
        ("resource_name an id", {"cts.resource_name": "2c9eb155587228570158722b6ac30007"}, LEGACY),
        ("resource_name a number", {"cts.resource_name": 5}, LEGACY),
        ("resource_name a list", {"cts.resource_name": ["legacy.example.com"]}, LEGACY),
        ("resource_name in capitals", {"cts.resource_name": "Legacy.EXAMPLE.com."}, LEGACY),
        ("resource_name a wildcard", {"cts.resource_name": "*.example.com."}, Taken("domain_decommission", {"domain": "*.example.com"})),
        ("resource_name an IDN", {"cts.resource_name": "bücher.example."},
         Taken("domain_decommission", {"domain": "xn--bcher-kva.example"})),
        ("resource_name of a service record", {"cts.resource_name": "_sip._tcp.example.com."},
         Taken("domain_decommission", {"domain": "_sip._tcp.example.com"})),
        ("time missing", {"cts.time": GONE}, LEGACY),
        ("time null", {"cts.time": None}, LEGACY),
        ("time epoch seconds", {"cts.time": 1770110500}, Taken("domain_decommission", ONE, None, None, "2026-02-03T09:21:40Z")),
        ("time of older traces", {"cts.time": "2026/02/03 10:21:40 GMT+01:00"},
         Taken("domain_decommission", ONE, None, None, "2026-02-03T09:21:40Z")),
        ("time RFC 3339", {"cts.time": "2026-02-03T09:21:40Z"}, Taken("domain_decommission", ONE, None, None, "2026-02-03T09:21:40Z")),
        ("time empty", {"cts.time": ""}, TIME),
        ("time a word", {"cts.time": "yesterday"}, TIME),
        ("time negative", {"cts.time": -1}, TIME),
        ("time a fraction", {"cts.time": 1770110500.5}, TIME),
        ("time true", {"cts.time": True}, TIME),
        ("time a list", {"cts.time": [1770110500507]}, TIME),
        ("time of month 13", {"cts.time": "2026/13/03 10:21:40 GMT+01:00"}, TIME),
        ("time of 17 digits", {"cts.time": 10**16}, TIME),
        ("trace_id missing: the request's serves", {"cts.trace_id": GONE}, Taken("domain_decommission", ONE, "request-1")),
        ("trace_id null", {"cts.trace_id": None}, Taken("domain_decommission", ONE, "request-1")),
        ("trace_id empty", {"cts.trace_id": ""}, Taken("domain_decommission", ONE, "request-1")),
        ("trace_id a number", {"cts.trace_id": 5}, ID),
        ("trace_id a list", {"cts.trace_id": ["cts-1"]}, ID),
        ("trace_id with a line break", {"cts.trace_id": "a\nb"}, ID),
        ("trace_id too long", {"cts.trace_id": "i" * 257}, ID),
        ("user missing", {"cts.user": GONE}, LEGACY),
        ("user text", {"cts.user": "dns-admin"}, LEGACY),
        ("user of numbers", {"cts.user": {"name": 1, "id": 2}}, LEGACY),
        ("service_type a list", {"cts.service_type": []}, LEGACY),
        ("a dry run beside the trace, from a try-out by hand", {"dry_run": True}, Refused("dry_run", "an event with a type")),
        ("gateways beside the trace", {"instance_ids": ["x"]}, Refused("instance_ids", "an event with a type")),
    ], over_http=False),
    *table("CTS of a zone", BARE, [
        ("only its own name is meant", {}, LEGACY),
        ("private", {"cts.trace_name": "deletePrivateZone"}, LEGACY),
        ("no name anywhere", {"cts.resource_name": GONE}, WHERE),
        ("name an id", {"cts.resource_name": "ff8080825b8fc86c015b94bc6f8712c3"}, WHERE),
        ("name a top level", {"cts.resource_name": "com."}, WHERE),
        ("name the root", {"cts.resource_name": "."}, WHERE),
        ("name a star", {"cts.resource_name": "*"}, WHERE),
        ("name an IP address of version 6", {"cts.resource_name": "2001:db8::1"}, WHERE),
        ("name with a path", {"cts.resource_name": "legacy.example.com/../x"}, WHERE),
        ("name with a line break", {"cts.resource_name": "legacy.example.com\n"}, WHERE),
        ("name too long", {"cts.resource_name": "a." * 127 + "example.com"}, WHERE),
        ("name at the end of the message", {"cts.resource_name": GONE, "cts.message": "zone deleted [legacy.example.com.] "}, LEGACY),
        ("name in the middle of the message", {"cts.resource_name": GONE, "cts.message": "[a.example.com] deleted"}, WHERE),
        ("message a list", {"cts.resource_name": GONE, "cts.message": ["[a.example.com]"]}, WHERE),
        ("message of 90 000 brackets", {"cts.resource_name": GONE, "cts.message": "[" * 90_000}, WHERE),
    ], over_http=False),
    *table("CTS to the function of another kind", TRACE, [
        ("a deletion to the expiry", {}, Refused("cts.trace_name", "expected an event for certificate_expiry")),
    ], kind="certificate_expiry", over_http=False),
    Case("over HTTP no CTS is taken", json.dumps(TRACE).encode(), Refused("cts", "not taken over HTTP")),
]  # fmt: skip
