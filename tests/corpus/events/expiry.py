"""The data of a certificate expiry, bare: each field damaged, each narrowing."""

from tests.corpus.case import CERTIFICATE, GATEWAY, GONE, OTHER_GATEWAY, Case, Refused, Taken, table

DATA = {"certificate_id": CERTIFICATE}
ID = Refused("certificate_id", "32 lower-case hex digits or a UUID")
NEITHER = Refused("certificate_id", "expected a certificate id (or a common_name instead)")
NAME = Refused("common_name", "expected a domain name such as")
DOMAINS = Refused("domains", "a list of at least one domain")
GATEWAYS = Refused("instance_ids", "a list of at least one gateway id")
GATEWAY_0 = Refused("instance_ids[0]", "32 lower-case hex digits or a UUID")
ENTRY_NAME = Refused("domains[0].domain", "expected a domain name such as")
FLAG = Refused("domains[0].verified_client_certificate_enabled", "true or false")
CONTEXT = Refused("context", "a JSON object of at most 8192 bytes")
DRY = Refused("dry_run", "true or false")
NEAR = "unknown field; did you mean"


def taken(**data: object) -> Taken:
    """The expiry with this beside its id."""
    return Taken("certificate_expiry", {**DATA, **data})


CASES: list[Case] = table("expiry", DATA, [
    ("by id", {}, taken()),
    ("nothing", {"certificate_id": GONE}, NEITHER),
    ("id null", {"certificate_id": None}, NEITHER),
    ("id empty", {"certificate_id": ""}, ID),
    ("id a number", {"certificate_id": 12}, ID),
    ("id true", {"certificate_id": True}, ID),
    ("id a list", {"certificate_id": [CERTIFICATE]}, ID),
    ("id an object", {"certificate_id": {"id": CERTIFICATE}}, ID),
    ("id in capitals", {"certificate_id": CERTIFICATE.upper()}, ID),
    ("id too short", {"certificate_id": CERTIFICATE[1:]}, ID),
    ("id too long", {"certificate_id": CERTIFICATE + "0"}, ID),
    ("id of a million digits", {"certificate_id": "a" * 1_000_000}, ID),
    ("id with a space", {"certificate_id": f" {CERTIFICATE}"}, ID),
    ("id with a line break", {"certificate_id": f"{CERTIFICATE}\n"}, ID),
    ("id with NUL", {"certificate_id": f"{CERTIFICATE}\x00"}, ID),
    ("id in full-width digits", {"certificate_id": "１" * 32}, ID),
    ("id in Arabic digits", {"certificate_id": "١" * 32}, ID),
    ("id with a Cyrillic а", {"certificate_id": "\u0430" + CERTIFICATE[1:]}, ID),
    ("id with a path", {"certificate_id": f"../{CERTIFICATE}"}, ID),
    ("id with a quoted slash", {"certificate_id": f"{CERTIFICATE}%2fdomains"}, ID),
    ("id with a query", {"certificate_id": f"{CERTIFICATE}?x"}, ID),
    ("id a star", {"certificate_id": "*"}, ID),
    ("id a lone surrogate", {"certificate_id": "\ud800"}, ID),
    ("id an ARN", {"certificate_id": "arn:aws:acm:eu-central-1:1:certificate/61f50cd4-45b9-4259-b049-d0a53682fa4b"}, ID),
    ("id a UUID", {"certificate_id": GATEWAY}, Taken("certificate_expiry", {"certificate_id": GATEWAY})),
    ("id a UUID in braces", {"certificate_id": f"{{{GATEWAY}}}"}, ID),
    ("id and name", {"common_name": "*.Example.com"}, taken(common_name="*.example.com")),
    ("name null beside an id", {"common_name": None}, taken()),
    ("name empty beside an id", {"common_name": ""}, NAME),
    ("name a number", {"common_name": 5}, NAME),
    ("name a list", {"common_name": ["a.example.com"]}, NAME),
    ("name with CN=", {"common_name": "CN=a.example.com"}, NAME),
    ("domains null counts as absent", {"domains": None}, taken()),
    ("domains empty could mean nothing or everything", {"domains": []}, DOMAINS),
    ("domains text", {"domains": "a.example.com"}, DOMAINS),
    ("domains text of several", {"domains": "a.example.com,b.example.com"}, DOMAINS),
    ("domains an object", {"domains": {"domain": "a.example.com"}}, DOMAINS),
    ("domains a number", {"domains": 0}, DOMAINS),
    ("domains false", {"domains": False}, DOMAINS),
    ("domains of one", {"domains": ["a.example.com"]}, taken(domains=[{"domain": "a.example.com"}])),
    ("domains of objects", {"domains": [
        {"domain": "a.example.com", "instance_ids": [GATEWAY], "verified_client_certificate_enabled": False}]},
     taken(domains=[{"domain": "a.example.com", "instance_ids": [GATEWAY], "verified_client_certificate_enabled": False}])),
    ("domains of a null", {"domains": [None]}, Refused("domains[0]", "a domain name, or an object")),
    ("domains of a number", {"domains": ["a.example.com", 5]}, Refused("domains[1]", "a domain name, or an object")),
    ("domains of a list", {"domains": [["a.example.com"]]}, Refused("domains[0]", "a domain name, or an object")),
    ("domains of empty text", {"domains": [""]}, ENTRY_NAME),
    ("domains of a star", {"domains": ["*"]}, ENTRY_NAME),
    ("domains of an empty object", {"domains": [{}]}, ENTRY_NAME),
    ("domains of an object with null", {"domains": [{"domain": None}]}, ENTRY_NAME),
    ("an entry's gateways empty", {"domains": [{"domain": "a.example.com", "instance_ids": []}]},
     Refused("domains[0].instance_ids", "a list of at least one gateway id")),
    ("an entry's gateway as text", {"domains": [{"domain": "a.example.com", "instance_ids": GATEWAY}]},
     Refused("domains[0].instance_ids", "a list of at least one gateway id")),
    ("an entry's gateway wrong", {"domains": [{"domain": "a.example.com", "instance_ids": ["x"]}]},
     Refused("domains[0].instance_ids[0]", "32 lower-case hex digits")),
    ("an entry's flag as text", {"domains": [{"domain": "a.example.com", "verified_client_certificate_enabled": "false"}]}, FLAG),
    ("an entry's flag a number", {"domains": [{"domain": "a.example.com", "verified_client_certificate_enabled": 0}]}, FLAG),
    ("an entry's unknown field", {"domains": [{"domain": "a.example.com", "instance_id": GATEWAY}]},
     Refused("domains[0].instance_id", f"{NEAR} instance_ids?")),
    ("an entry of the listing's shape", {"domains": [{"url_domain": "a.example.com"}]}, ENTRY_NAME),
    ("domains of 2 001", {"domains": [f"d{n}.example.com" for n in range(2001)]}, Refused("domains", "expected at most 2000, not 2001")),
    ("gateways null counts as absent", {"instance_ids": None}, taken()),
    ("gateways empty could mean none or all", {"instance_ids": []}, GATEWAYS),
    ("gateways text", {"instance_ids": GATEWAY}, GATEWAYS),
    ("gateways an object", {"instance_ids": {"id": GATEWAY}}, GATEWAYS),
    ("gateways a number", {"instance_ids": 1}, GATEWAYS),
    ("gateways of a null", {"instance_ids": [None]}, GATEWAY_0),
    ("gateways of empty text", {"instance_ids": [""]}, GATEWAY_0),
    ("gateways of a number", {"instance_ids": [5]}, GATEWAY_0),
    ("gateways of a list", {"instance_ids": [[GATEWAY]]}, GATEWAY_0),
    ("gateways common, which is none", {"instance_ids": ["common"]}, GATEWAY_0),
    ("gateways a star", {"instance_ids": ["*"]}, GATEWAY_0),
    ("gateways in capitals", {"instance_ids": [GATEWAY.upper()]}, GATEWAY_0),
    ("gateways named twice count once", {"instance_ids": [GATEWAY, OTHER_GATEWAY, GATEWAY]}, taken(instance_ids=[GATEWAY, OTHER_GATEWAY])),
    ("gateways of 101", {"instance_ids": [f"{n:032x}" for n in range(101)]}, Refused("instance_ids", "at most 100")),
    ("context null", {"context": None}, taken()),
    ("context an object", {"context": {"ticket": "CHG0031872", "deep": {"er": [1, None, True]}}},
     taken(context={"ticket": "CHG0031872", "deep": {"er": [1, None, True]}})),
    ("context text", {"context": "CHG0031872"}, CONTEXT),
    ("context a list", {"context": ["CHG0031872"]}, CONTEXT),
    ("context too large", {"context": {"reason": "r" * 8192}}, CONTEXT),
    ("context too large in its escapes", {"context": {"reason": "ü" * 2000}}, CONTEXT),
    ("context with a lone surrogate", {"context": {"reason": "\ud800"}}, taken(context={"reason": "\ud800"})),
    ("dry_run true", {"dry_run": True}, taken(dry_run=True)),
    ("dry_run false", {"dry_run": False}, taken()),
    ("dry_run null", {"dry_run": None}, DRY),
    ("dry_run text", {"dry_run": "true"}, DRY),
    ("dry_run a number", {"dry_run": 1}, DRY),
    ("dry_run a list", {"dry_run": []}, DRY),
    ("misspelt dry run", {"dryrun": True}, Refused("dryrun", f"{NEAR} dry_run?")),
    ("misspelt gateways", {"instanceIds": [GATEWAY]}, Refused("instanceIds", f"{NEAR} instance_ids?")),
    ("misspelt domains", {"Domains": ["a.example.com"]}, Refused("Domains", f"{NEAR} domains?")),
    ("misspelt id", {"certificateId": CERTIFICATE}, Refused("certificateId", f"{NEAR} certificate_id?")),
    ("homograph of domains", {"d\u043emains": ["a.example.com"]}, Refused("d\u043emains", f"{NEAR} domains?")),
    ("a name with a zero-width space", {"domains\u200b": ["a.example.com"]}, Refused("domains\ufffd", f"{NEAR} domains?")),
    ("a name with a space", {"domains ": ["a.example.com"]}, Refused("domains ", f"{NEAR} domains?")),
    ("an empty name", {"": 1}, Refused('""', "unknown field")),
    ("a name of 100 000 characters", {"x" * 100_000: 1}, Refused("x" * 60, "unknown field")),
    ("a name with a line break", {"x\ny": 1}, Refused("x\ufffdy", "unknown field")),
    ("a name a lone surrogate", {"\udc00": 1}, Refused("body", "expected keys in UTF-8, not '\\udc00'")),
    ("a name with dots", {"instance_ids[0]": 1}, Refused("instance_ids[0]", f"{NEAR} instance_ids?")),
    ("a proxy's field", {"__proto__": {}}, Refused("__proto__", "unknown field")),
    ("a force", {"force": True}, Refused("force", "unknown field; expected one of certificate_id")),
    ("a cursor", {"cursor": "c"}, Refused("cursor", "unknown field")),
    ("an undo", {"undo": []}, Refused("undo", "unknown field")),
], kind="certificate_expiry")  # fmt: skip
