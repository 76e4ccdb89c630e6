"""Events of EventBridge: its own buses, ACM, rules with a schedule, EventBridge Scheduler."""

from tests.corpus.case import CERTIFICATE, GATEWAY, GONE, Case, Refused, Taken, table

EVENT = {
    "version": "0",
    "id": "eb-1",
    "detail-type": "Certificate Expired",
    "source": "com.example.monitoring",
    "account": "123456789012",
    "time": "2026-02-03T06:00:12Z",
    "region": "eu-central-1",
    "resources": [],
    "detail": {"certificate_id": CERTIFICATE},
}
ACM = EVENT | {
    "detail-type": "ACM Certificate Expired",
    "source": "aws.acm",
    "resources": ["arn:aws:acm:eu-central-1:123456789012:certificate/61f50cd4-45b9-4259-b049-d0a53682fa4b"],
    "detail": {
        "CertificateType": "AMAZON_ISSUED",
        "CommonName": "apigtest.example.com",
        "DomainValidationMethod": "DNS",
        "CertificateCreatedDate": "2025-01-02T00:00:00Z",
        "CertificateExpirationDate": "2026-02-02T23:59:59Z",
        "InUse": False,
        "Exported": True,
    },
}
SCHEDULED = EVENT | {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}

SAME = Taken("certificate_expiry", {"certificate_id": CERTIFICATE})
EXPIRED = Taken(
    "certificate_expiry", {"certificate_id": CERTIFICATE}, "eb-1", "com.example.monitoring", "2026-02-03T06:00:12Z"
)
EVERYTHING = Taken("scheduled_cleanup", {})
TYPE = Refused("detail-type", "Certificate Expired, Certificate Expiring")
DETAIL = Refused("detail", "expected an object")
NAME = Refused("detail.CommonName", "expected a domain name such as")
ID = Refused("id", "1 to 256 printable characters")
TIME = Refused("time", "RFC 3339")
BESIDE = "inside detail, not beside it"

CASES: list[Case] = [
    *table("EventBridge", EVENT, [
        ("as it should be", {}, EXPIRED),
        ("expiring", {"detail-type": "Certificate Expiring"}, SAME),
        ("detail-type missing", {"detail-type": GONE}, Refused("detail-type", "expected it beside detail")),
        ("detail-type null", {"detail-type": None}, TYPE),
        ("detail-type empty", {"detail-type": ""}, TYPE),
        ("detail-type a number", {"detail-type": 1}, TYPE),
        ("detail-type a list", {"detail-type": ["Certificate Expired"]}, TYPE),
        ("detail-type an object", {"detail-type": {"prefix": "Certificate"}}, TYPE),
        ("detail-type in lower case", {"detail-type": "certificate expired"}, TYPE),
        ("detail-type with a space", {"detail-type": "Certificate Expired "}, TYPE),
        ("detail-type with a fixed space", {"detail-type": "Certificate\u00a0Expired"}, TYPE),
        ("detail-type with a Cyrillic С", {"detail-type": "\u0421ertificate Expired"}, TYPE),
        ("detail-type of CloudEvents", {"detail-type": "apig.certificate.expired"}, TYPE),
        ("detail-type of our own reply: a loop", {"detail-type": "apig.detach.completed"}, TYPE),
        ("detail-type of CloudTrail", {"detail-type": "AWS API Call via CloudTrail"}, TYPE),
        ("detail-type of 100 000 characters", {"detail-type": "C" * 100_000}, TYPE),
        ("id missing: the request's serves", {"id": GONE}, Taken("certificate_expiry", {"certificate_id": CERTIFICATE}, "request-1")),
        ("id null", {"id": None}, Taken("certificate_expiry", {"certificate_id": CERTIFICATE}, "request-1")),
        ("id empty", {"id": ""}, ID),
        ("id a number", {"id": 5}, ID),
        ("id a list", {"id": ["eb-1"]}, ID),
        ("id too long", {"id": "i" * 257}, ID),
        ("id with a tab", {"id": "eb\t1"}, ID),
        ("source missing", {"source": GONE}, SAME),
        ("source a number is not told", {"source": 5}, SAME),
        ("time missing", {"time": GONE}, SAME),
        ("time null", {"time": None}, SAME),
        ("time empty", {"time": ""}, TIME),
        ("time a number", {"time": 1770098412}, TIME),
        ("time an object", {"time": {"seconds": 1}}, TIME),
        ("time a date alone", {"time": "2026-02-03"}, TIME),
        ("detail missing", {"detail": GONE}, DETAIL),
        ("detail null", {"detail": None}, DETAIL),
        ("detail a list", {"detail": []}, DETAIL),
        ("detail JSON as text", {"detail": f'{{"certificate_id": "{CERTIFICATE}"}}'}, DETAIL),
        ("detail an empty object as text", {"detail": "{}"}, DETAIL),
        ("detail a number", {"detail": 0}, DETAIL),
        ("detail an empty object", {"detail": {}}, Refused("detail.certificate_id", "expected a certificate id")),
        ("narrowing beside detail", {"instance_ids": [GATEWAY]}, Refused("instance_ids", BESIDE)),
        ("dry_run beside detail", {"dry_run": True}, Refused("dry_run", BESIDE)),
        ("DryRun beside detail", {"DryRun": True}, Refused("DryRun", BESIDE)),
        ("instance-ids beside detail", {"instance-ids": [GATEWAY]}, Refused("instance-ids", BESIDE)),
    ]),
    *table("EventBridge's schedule", SCHEDULED, [
        ("of a rule", {}, EVERYTHING),
        ("of EventBridge Scheduler, which writes it so", {"source": "aws.scheduler", "detail": "{}"}, EVERYTHING),
        ("detail missing", {"detail": GONE}, DETAIL),
        ("detail null", {"detail": None}, DETAIL),
        ("detail empty text", {"detail": ""}, DETAIL),
        ("detail other text", {"detail": "{ }"}, DETAIL),
        ("detail text that narrows", {"detail": f'{{"instance_ids": ["{GATEWAY}"]}}'}, DETAIL),
        ("detail null as text", {"detail": "null"}, DETAIL),
        ("detail a list", {"detail": []}, DETAIL),
        ("detail false", {"detail": False}, DETAIL),
        ("Cleanup Due with an object as text", {"detail-type": "Cleanup Due", "detail": "{}"}, DETAIL),
        ("with gateways", {"detail": {"instance_ids": [GATEWAY]}}, Taken("scheduled_cleanup", {"instance_ids": [GATEWAY]})),
    ]),
    *table("ACM", ACM, [
        ("expired", {}, Taken("certificate_expiry", {"common_name": "apigtest.example.com"}, "eb-1", "aws.acm")),
        ("approaching", {"detail-type": "ACM Certificate Approaching Expiration", "detail.DaysToExpiry": 31},
         Taken("certificate_expiry", {"common_name": "apigtest.example.com"})),
        ("another of its events", {"detail-type": "ACM Certificate Available"}, TYPE),
        ("renewal failed", {"detail-type": "ACM Certificate Renewal Action Required"}, TYPE),
        ("detail missing", {"detail": GONE}, NAME),
        ("detail null", {"detail": None}, NAME),
        ("detail a list", {"detail": ["apigtest.example.com"]}, NAME),
        ("detail text", {"detail": "apigtest.example.com"}, NAME),
        ("CommonName missing", {"detail.CommonName": GONE}, NAME),
        ("CommonName null", {"detail.CommonName": None}, NAME),
        ("CommonName empty", {"detail.CommonName": ""}, NAME),
        ("CommonName a number", {"detail.CommonName": 5}, NAME),
        ("CommonName a list", {"detail.CommonName": ["apigtest.example.com"]}, NAME),
        ("CommonName a single label", {"detail.CommonName": "localhost"}, NAME),
        ("CommonName a star", {"detail.CommonName": "*"}, NAME),
        ("CommonName a URL", {"detail.CommonName": "https://apigtest.example.com/"}, NAME),
        ("CommonName too long", {"detail.CommonName": "a." * 126 + "example"}, NAME),
        ("CommonName of a million characters", {"detail.CommonName": "a" * 1_000_000}, NAME),
        ("CommonName a wildcard", {"detail.CommonName": "*.example.com"}, Taken("certificate_expiry", {"common_name": "*.example.com"})),
        ("CommonName in capitals", {"detail.CommonName": "APIGTEST.Example.COM."},
         Taken("certificate_expiry", {"common_name": "apigtest.example.com"})),
        ("misspelt CommonName", {"detail.CommonName": GONE, "detail.commonName": "apigtest.example.com"}, NAME),
        ("a narrowing of ours in its detail is not passed over", {"detail.instance_ids": [GATEWAY]},
         Refused("detail.instance_ids", "ACM")),
        ("a dry run in its detail is not passed over", {"detail.dry_run": True}, Refused("detail.dry_run", "ACM")),
        ("a dry run beside its detail", {"dry_run": True}, Refused("dry_run", BESIDE)),
    ]),
    *table("EventBridge to the function of another kind", EVENT, [
        ("an expiry to the decommission", {}, Refused("detail-type", "expected Domain Decommissioned, not")),
    ], kind="domain_decommission"),
    *table("EventBridge to the function of another kind", SCHEDULED, [
        ("a schedule to the expiry", {}, TYPE),
    ], kind="certificate_expiry"),
]  # fmt: skip
