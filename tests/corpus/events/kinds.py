"""The data of a decommission, a clean-up and an undo, bare: each field damaged."""

from typing import Any

from tests.corpus.case import CERTIFICATE, GATEWAY, GONE, Case, Refused, Taken, table

EITHER = Refused("domain", "expected either domain or domains")
GATEWAYS = "a list of at least one gateway id"
ID = "32 lower-case hex digits or a UUID"
CURSOR = Refused("cursor", "1 to 1024 characters of text")
ENTRY = {"domain": "a.example.com", "instance_ids": [GATEWAY], "verified_client_certificate_enabled": True}
UNDO: dict[str, Any] = {
    "undo": [{"certificate_id": CERTIFICATE, "domains": [ENTRY]}],
    "undo_signature": {
        "key_id": "985ca375bbf443ca",
        "signed_at": "2026-02-03T06:00:14Z",
        "signature": "75c86527c68e222b37d169ff78ef525862fab06099c07ebd3a6199449f55c022",
    },
}
OUTCOME = UNDO | {
    "event_id": "ce-1", "kind": "certificate_expiry", "status": "detached", "dry_run": False, "certificates": [],
    "source": "/monitoring", "not_found": [],
}  # fmt: skip
MANY = [ENTRY | {"domain": f"d{n}.example.com"} for n in range(2000)]  # DETACH_MAX_CLEANUP_BINDINGS
DOMAIN = "undo.0.domains.0"
D = "undo[0].domains[0]"
SIGNED = Refused("undo_signature", "the undo_signature of an outcome")
LIST = Refused("undo", "the undo list of an outcome")


def cleanup(**data: object) -> Taken:
    """A clean-up of this."""
    return Taken("scheduled_cleanup", dict(data))


def decommission(*domains: dict[str, Any], **data: object) -> Taken:
    """A decommission of these."""
    return Taken("domain_decommission", {"domains": list(domains), **data})


CASES: list[Case] = [
    *table("decommission", {"domain": "a.example.com"}, [
        ("domain missing", {"domain": GONE}, EITHER),
        ("domain null", {"domain": None}, EITHER),
        ("domain and domains", {"domains": ["b.example.com"]}, EITHER),
        ("domain and domains null", {"domains": None}, Taken("domain_decommission", {"domain": "a.example.com"})),
        ("domains empty", {"domain": GONE, "domains": []}, Refused("domains", "a list of at least one domain")),
        ("domains text", {"domain": GONE, "domains": "a.example.com"}, Refused("domains", "a list of at least one domain")),
        ("domains a text and an object", {"domain": GONE, "domains": ["a.example.com", {"domain": "b.example.com"}]},
         decommission({"domain": "a.example.com"}, {"domain": "b.example.com"})),
        ("domains with one bad name", {"domain": GONE, "domains": ["a.example.com", "b"]},
         Refused("domains[1].domain", "expected a domain name")),
        ("the same domain twice", {"domain": GONE, "domains": ["a.example.com", "A.example.com."]},
         decommission({"domain": "a.example.com"}, {"domain": "a.example.com"})),
        ("as many domains as are taken", {"domain": GONE, "domains": [f"d{n}.example.com" for n in range(2000)]},
         decommission(*({"domain": f"d{n}.example.com"} for n in range(2000)))),
        ("one more", {"domain": GONE, "domains": [f"d{n}.example.com" for n in range(2001)]},
         Refused("domains", "expected at most 2000, not 2001")),
        ("certificate null", {"certificate_id": None}, Taken("domain_decommission", {"domain": "a.example.com"})),
        ("certificate empty", {"certificate_id": ""}, Refused("certificate_id", ID)),
        ("certificate a list", {"certificate_id": [CERTIFICATE]}, Refused("certificate_id", ID)),
        ("certificate given", {"certificate_id": CERTIFICATE},
         Taken("domain_decommission", {"domain": "a.example.com", "certificate_id": CERTIFICATE})),
        ("gateways empty", {"instance_ids": []}, Refused("instance_ids", GATEWAYS)),
        ("gateways text", {"instance_ids": GATEWAY}, Refused("instance_ids", GATEWAYS)),
        ("common_name, which is the expiry's", {"common_name": "a.example.com"}, Refused("common_name", "unknown field")),
        ("misspelt certificate", {"certificate": CERTIFICATE}, Refused("certificate", "did you mean certificate_id?")),
        ("a monitor's event", {"event": "ssl_expiring"}, Refused("event", "unknown field")),
        ("a DNS record's fields", {"type": "CNAME", "ttl": 300}, Refused("type", "unknown field")),
    ], kind="domain_decommission"),
    *table("clean-up", {}, [
        ("of nothing means everything", {}, cleanup()),
        ("gateways null counts as absent", {"instance_ids": None}, cleanup()),
        ("gateways empty", {"instance_ids": []}, Refused("instance_ids", GATEWAYS)),
        ("gateways an empty text", {"instance_ids": ""}, Refused("instance_ids", GATEWAYS)),
        ("gateways false", {"instance_ids": False}, Refused("instance_ids", GATEWAYS)),
        ("gateways zero", {"instance_ids": 0}, Refused("instance_ids", GATEWAYS)),
        ("gateways an empty object", {"instance_ids": {}}, Refused("instance_ids", GATEWAYS)),
        ("one gateway", {"instance_ids": [GATEWAY]}, cleanup(instance_ids=[GATEWAY])),
        ("cursor empty", {"cursor": ""}, CURSOR),
        ("cursor null", {"cursor": None}, cleanup()),
        ("cursor a number", {"cursor": 5}, CURSOR),
        ("cursor a list", {"cursor": ["c"]}, CURSOR),
        ("cursor of 1 025 characters", {"cursor": "c" * 1025}, CURSOR),
        ("cursor a lone surrogate", {"cursor": "\ud800"}, CURSOR),
        ("a domain, which narrows nothing here", {"domain": "a.example.com"}, Refused("domain", "unknown field")),
        ("a certificate, which narrows nothing here", {"certificate_id": CERTIFICATE}, Refused("certificate_id", "unknown field")),
        ("everywhere", {"everywhere": True}, Refused("everywhere", "unknown field")),
        ("misspelt gateway", {"instance_id": GATEWAY}, Refused("instance_id", "did you mean instance_ids?")),
        ("the plural of gateways", {"gateways": [GATEWAY]}, Refused("gateways", "unknown field")),
        ("dry_run", {"dry_run": True}, cleanup(dry_run=True)),
        ("dry_run yes", {"dry_run": "yes"}, Refused("dry_run", "true or false")),
    ], kind="scheduled_cleanup"),
    *table("undo", UNDO, [
        ("as it should be", {}, Taken("undo", UNDO)),
        ("of a whole clean-up", {"undo.0.domains": MANY}, Taken("undo", UNDO | {"undo": [{"certificate_id": CERTIFICATE, "domains": MANY}]})),
        ("undo missing", {"undo": GONE}, LIST),
        ("undo null", {"undo": None}, LIST),
        ("undo text", {"undo": "[]"}, LIST),
        ("undo an object", {"undo": UNDO["undo"][0]}, LIST),
        ("undo of a null", {"undo": [None]}, Refused("undo[0]", "an object")),
        ("undo of text", {"undo": ["x"]}, Refused("undo[0]", "an object")),
        ("certificate missing", {"undo.0.certificate_id": GONE}, Refused("undo[0].certificate_id", ID)),
        ("certificate null", {"undo.0.certificate_id": None}, Refused("undo[0].certificate_id", ID)),
        ("certificate of another pattern", {"undo.0.certificate_id": "x"}, Refused("undo[0].certificate_id", ID)),
        ("domains missing", {"undo.0.domains": GONE}, Refused("undo[0].domains", "a list of at least one domain")),
        ("domains empty", {"undo.0.domains": []}, Refused("undo[0].domains", "a list of at least one domain")),
        ("domains of a text", {"undo.0.domains": ["a.example.com"]}, Refused(D, "an object with one as its domain")),
        ("domain missing", {f"{DOMAIN}.domain": GONE}, Refused(f"{D}.domain", "a domain name")),
        ("domain null", {f"{DOMAIN}.domain": None}, Refused(f"{D}.domain", "a domain name")),
        ("domain no name", {f"{DOMAIN}.domain": "*"}, Refused(f"{D}.domain", "a domain name")),
        ("domain exactly as listed", {f"{DOMAIN}.domain": "A.Example.com."},
         Taken("undo", UNDO | {"undo": [{"certificate_id": CERTIFICATE, "domains": [ENTRY | {"domain": "A.Example.com."}]}]})),
        ("gateways missing: the API would act on all", {f"{DOMAIN}.instance_ids": GONE}, Refused(f"{D}.instance_ids", GATEWAYS)),
        ("gateways null", {f"{DOMAIN}.instance_ids": None}, Refused(f"{D}.instance_ids", GATEWAYS)),
        ("gateways empty", {f"{DOMAIN}.instance_ids": []}, Refused(f"{D}.instance_ids", GATEWAYS)),
        ("flag missing: the API would choose", {f"{DOMAIN}.verified_client_certificate_enabled": GONE},
         Refused(f"{D}.verified_client_certificate_enabled", "true or false")),
        ("flag null", {f"{DOMAIN}.verified_client_certificate_enabled": None},
         Refused(f"{D}.verified_client_certificate_enabled", "true or false")),
        ("flag text", {f"{DOMAIN}.verified_client_certificate_enabled": "true"},
         Refused(f"{D}.verified_client_certificate_enabled", "true or false")),
        ("perhaps text", {f"{DOMAIN}.perhaps": "true"}, Refused(f"{D}.perhaps", "expected true or false")),
        ("perhaps null", {f"{DOMAIN}.perhaps": None}, Refused(f"{D}.perhaps", "expected true or false")),
        ("unknown field of a domain", {f"{DOMAIN}.reason": "x"}, Refused(f"{D}.reason", "unknown field")),
        ("unknown field of a certificate", {"undo.0.status": "x"}, Refused("undo[0].status", "unknown field")),
        ("unknown field of the undo", {"force": True}, Refused("force", "unknown field")),
        ("signature null", {"undo_signature": None}, Taken("undo", {"undo": UNDO["undo"]})),
        ("signature text", {"undo_signature": "x"}, SIGNED),
        ("undo_signature a list", {"undo_signature": []}, SIGNED),
        ("key_id missing", {"undo_signature.key_id": GONE}, Refused("undo_signature.key_id", "16 lower-case hex digits")),
        ("key_id in capitals", {"undo_signature.key_id": "985CA375BBF443CA"},
         Refused("undo_signature.key_id", "16 lower-case hex digits")),
        ("key_id with a line break", {"undo_signature.key_id": "985ca375bbf443ca\n"},
         Refused("undo_signature.key_id", "16 lower-case hex digits")),
        ("signed_at a number", {"undo_signature.signed_at": 1770098414}, Refused("undo_signature.signed_at", "a time such as")),
        ("signed_at with an offset", {"undo_signature.signed_at": "2026-02-03T07:00:14+01:00"},
         Refused("undo_signature.signed_at", "a time such as")),
        ("signed_at in Arabic digits", {"undo_signature.signed_at": "٢٠٢٦-02-03T06:00:14Z"},
         Refused("undo_signature.signed_at", "a time such as")),
        ("signature empty", {"undo_signature.signature": ""}, Refused("undo_signature.signature", "64 lower-case hex digits")),
        ("signature too short", {"undo_signature.signature": "75"}, Refused("undo_signature.signature", "64 lower-case hex digits")),
        ("signature a list", {"undo_signature.signature": ["7"]}, Refused("undo_signature.signature", "64 lower-case hex digits")),
        ("another algorithm's field", {"undo_signature.alg": "none"}, Refused("undo_signature.alg", "unknown field")),
    ], kind="undo"),
    *table("undo of an outcome", OUTCOME, [
        ("whole", {}, Taken("undo", UNDO)),
        ("its kind is not looked at", {"kind": "scheduled_cleanup"}, Taken("undo", UNDO)),
        ("without undo: nothing was detached", {"undo": GONE}, LIST),
        ("a field that no outcome has", {"detach": True}, Refused("detach", "unknown field")),
        ("in a dry run", {"dry_run": True}, Taken("undo", UNDO | {"dry_run": True})),
    ], kind="undo"),
]  # fmt: skip
