"""The JSON of listings and of one certificate, damaged in each field. Nothing of a row that is not right is believed."""

from typing import Any

from tests.corpus.case import GONE
from tests.corpus.replies.case import (
    CERTIFICATE,
    GATEWAY,
    OTHER,
    OTHER_GATEWAY,
    Fails,
    Gives,
    ReplyCase,
    table,
)

ATTACHED: dict[str, Any] = {
    "size": 1,
    "total": 1,
    "bound_domains": [
        {
            "url_domain": "apigtest.example.com",
            "id": "2c9eb155587228570158722b6ac30007",
            "status": 3,
            "min_ssl_version": "TLSv1.2",
            "verified_client_certificate_enabled": True,
            "ssl_id": CERTIFICATE,
            "ssl_name": "cert_demo",
            "instance_id": GATEWAY,
        }
    ],
}
CERTIFICATES: dict[str, Any] = {
    "size": 1,
    "total": 1,
    "certs": [{"id": CERTIFICATE, "name": "c", "type": "instance", "instance_id": GATEWAY,
               "common_name": "apigtest.example.com", "not_after": "2021-04-26T09:03:30Z"}],
}  # fmt: skip
DETAILS: dict[str, Any] = {
    "id": CERTIFICATE,
    "common_name": "apigtest.example.com",
    "not_after": "2021-04-26T09:03:30Z",
}
INSTANCES: dict[str, Any] = {
    "size": 1,
    "total": 1,
    "instances": [{"id": GATEWAY, "instance_name": "gw", "status": "Running"}],
}
GROUPS: dict[str, Any] = {
    "size": 1, "total": 1,
    "groups": [{"id": "g", "url_domains": [{"domain": "apigtest.example.com", "cname_status": 3, "ssl_id": CERTIFICATE,
                                            "verified_client_certificate_enabled": False}]}],
}  # fmt: skip

ODD = Fails("Unavailable", "answered with what is not documented")
TOTAL = Fails("Unavailable", "not documented: total")
ENDED = Fails("Unavailable", "ended after")
ROW = [["apigtest.example.com", GATEWAY, True, True]]
ONE = Gives(ROW)
UNRESOLVED = Gives([["apigtest.example.com", GATEWAY, False, True]])
UNVERIFIED = Gives([["apigtest.example.com", GATEWAY, True, False]])
FIRST = "bound_domains.0"


def odd(field: str) -> Fails:
    """An answer that is not documented, and where."""
    return Fails("Unavailable", f"answered with what is not documented: {field}")


def dated(not_after: str | None) -> Gives:
    """The certificate with this date."""
    return Gives([CERTIFICATE, "apigtest.example.com", not_after])


CASES: list[ReplyCase] = [
    *table("attached", ATTACHED, [
        ("as it should be", {}, ONE),
        ("total missing", {"total": GONE}, TOTAL),
        ("total null", {"total": None}, TOTAL),
        ("total a word", {"total": "many"}, TOTAL),
        ("total a list", {"total": [1]}, TOTAL),
        ("total a fraction", {"total": 1.5}, TOTAL),
        ("total more than there are", {"total": 2}, ENDED),
        ("total far more than there are", {"total": 10**15}, ENDED),
        ("total less than there are: the rows count", {"total": 0}, ONE),
        ("size is not looked at", {"size": "x"}, ONE),
        ("rows missing", {"bound_domains": GONE}, ODD),
        ("rows null", {"bound_domains": None}, ODD),
        ("rows null and total 0: there are none", {"bound_domains": None, "total": 0}, Gives([])),
        ("rows missing and total 0", {"bound_domains": GONE, "total": 0}, Gives([])),
        ("rows under another name", {"bound_domains": GONE, "domains": ATTACHED["bound_domains"]}, ODD),
        ("rows empty, total 1", {"bound_domains": []}, ENDED),
        ("rows an object", {"bound_domains": {}}, ODD),
        ("rows text", {"bound_domains": "[]"}, ODD),
        ("rows a number", {"bound_domains": 1}, ODD),
        ("a row null", {"bound_domains": [None]}, odd("0")),
        ("a row text", {"bound_domains": ["apigtest.example.com"]}, odd("0")),
        ("a row a list", {"bound_domains": [[]]}, odd("0")),
        ("a row empty", {"bound_domains": [{}]}, odd("0.url_domain")),
        ("a good row and a bad one: neither is believed", {"bound_domains": [*ATTACHED["bound_domains"], {}], "total": 2}, odd("1")),
        ("url_domain missing", {f"{FIRST}.url_domain": GONE}, odd("0.url_domain")),
        ("url_domain null", {f"{FIRST}.url_domain": None}, odd("0.url_domain")),
        ("url_domain empty", {f"{FIRST}.url_domain": ""}, odd("0.url_domain")),
        ("url_domain a number", {f"{FIRST}.url_domain": 5}, odd("0.url_domain")),
        ("url_domain a list", {f"{FIRST}.url_domain": ["a.example.com"]}, odd("0.url_domain")),
        ("url_domain an object", {f"{FIRST}.url_domain": {}}, odd("0.url_domain")),
        ("url_domain a lone surrogate", {f"{FIRST}.url_domain": "\ud800"}, odd("0.url_domain")),
        ("url_domain in capitals is what is sent", {f"{FIRST}.url_domain": "APIGtest.Example.com."},
         Gives([["APIGtest.Example.com.", GATEWAY, True, True]])),
        ("url_domain a wildcard", {f"{FIRST}.url_domain": "*.example.com"}, Gives([["*.example.com", GATEWAY, True, True]])),
        ("url_domain of old, which no rule of today takes", {f"{FIRST}.url_domain": "old_name"}, Gives([["old_name", GATEWAY, True, True]])),
        ("instance_id missing", {f"{FIRST}.instance_id": GONE}, odd("0.instance_id")),
        ("instance_id null", {f"{FIRST}.instance_id": None}, odd("0.instance_id")),
        ("instance_id empty", {f"{FIRST}.instance_id": ""}, odd("0.instance_id")),
        ("instance_id common: it would mean every gateway", {f"{FIRST}.instance_id": "common"}, odd("0.instance_id")),
        ("instance_id a star", {f"{FIRST}.instance_id": "*"}, odd("0.instance_id")),
        ("instance_id in capitals", {f"{FIRST}.instance_id": GATEWAY.upper()}, odd("0.instance_id")),
        ("instance_id with a path", {f"{FIRST}.instance_id": f"../{GATEWAY}"}, odd("0.instance_id")),
        ("instance_id a list", {f"{FIRST}.instance_id": [GATEWAY]}, odd("0.instance_id")),
        ("instance_id a number", {f"{FIRST}.instance_id": 7}, odd("0.instance_id")),
        ("ssl_id of another certificate", {f"{FIRST}.ssl_id": OTHER}, Fails("Unavailable", f"which carries certificate {OTHER}")),
        ("ssl_id missing", {f"{FIRST}.ssl_id": GONE}, ONE),
        ("ssl_id null", {f"{FIRST}.ssl_id": None}, ONE),
        ("ssl_id empty", {f"{FIRST}.ssl_id": ""}, ONE),
        ("ssl_id no id", {f"{FIRST}.ssl_id": "x"}, ODD),
        ("ssl_id a number", {f"{FIRST}.ssl_id": 5}, ODD),
        ("status missing", {f"{FIRST}.status": GONE}, UNRESOLVED),
        ("status null", {f"{FIRST}.status": None}, UNRESOLVED),
        ("status 1", {f"{FIRST}.status": 1}, UNRESOLVED),
        ("status unknown", {f"{FIRST}.status": 99}, UNRESOLVED),
        ("status a word", {f"{FIRST}.status": "resolved"}, odd("0.status")),
        ("status a list", {f"{FIRST}.status": [3]}, odd("0.status")),
        ("the flag missing", {f"{FIRST}.verified_client_certificate_enabled": GONE}, UNVERIFIED),
        ("the flag null", {f"{FIRST}.verified_client_certificate_enabled": None}, UNVERIFIED),
        ("the flag a word that is neither", {f"{FIRST}.verified_client_certificate_enabled": "perhaps"},
         odd("0.verified_client_certificate_enabled")),
        ("the flag a list", {f"{FIRST}.verified_client_certificate_enabled": []}, odd("0.verified_client_certificate_enabled")),
        ("the flag empty text", {f"{FIRST}.verified_client_certificate_enabled": ""}, odd("0.verified_client_certificate_enabled")),
        ("custom ports", {f"{FIRST}.ingress_https_port": 8443}, ONE),
        ("unknown fields", {f"{FIRST}.new": {}, "new": []}, ONE),
        ("the same row twice", {"bound_domains": ATTACHED["bound_domains"] * 2, "total": 2}, Gives(ROW * 2)),
    ]),
    *table("certificates", CERTIFICATES, [
        ("as it should be", {}, Gives([[CERTIFICATE, "apigtest.example.com", "2021-04-26T09:03:30Z"]])),
        ("id missing", {"certs.0.id": GONE}, odd("0.id")),
        ("id null", {"certs.0.id": None}, odd("0.id")),
        ("id empty", {"certs.0.id": ""}, odd("0.id")),
        ("id with a path", {"certs.0.id": "../../instances"}, odd("0.id")),
        ("id a number", {"certs.0.id": 1}, odd("0.id")),
        ("the fields of another client", {"certs.0.id": GONE, "certs.0.sign_id": CERTIFICATE}, odd("0.id")),
        ("of another gateway", {"certs.0.instance_id": OTHER_GATEWAY}, Fails("Unavailable", f"of gateway {OTHER_GATEWAY}")),
        ("of every gateway", {"certs.0.instance_id": "common"}, Gives([[CERTIFICATE, "apigtest.example.com", "2021-04-26T09:03:30Z"]])),
        ("of no known gateway", {"certs.0.instance_id": "everywhere"}, odd("0.instance_id")),
        ("common_name a list", {"certs.0.common_name": ["a"]}, odd("0.common_name")),
        ("common_name null", {"certs.0.common_name": None}, Gives([[CERTIFICATE, "", "2021-04-26T09:03:30Z"]])),
        ("certs null", {"certs": None}, ODD),
        ("total missing", {"total": GONE}, TOTAL),
    ]),
    *table("certificate", DETAILS, [
        ("as it should be", {}, dated("2021-04-26T09:03:30Z")),
        ("another one", {"id": OTHER}, Fails("Unavailable", f"answered with certificate {OTHER}")),
        ("id missing", {"id": GONE}, odd("id")),
        ("id null", {"id": None}, odd("id")),
        ("id in capitals", {"id": CERTIFICATE.upper()}, odd("id")),
        ("not_after missing: it is not due", {"not_after": GONE}, dated(None)),
        ("not_after null", {"not_after": None}, dated(None)),
        ("not_after empty", {"not_after": ""}, dated(None)),
        ("not_after a number", {"not_after": 1619427810}, dated(None)),
        ("not_after a list", {"not_after": ["2021-04-26T09:03:30Z"]}, dated(None)),
        ("not_after a date alone", {"not_after": "2021-04-26"}, dated(None)),
        ("not_after without an offset", {"not_after": "2021-04-26T09:03:30"}, dated(None)),
        ("not_after of OpenSSL", {"not_after": "Apr 26 09:03:30 2021 GMT"}, dated(None)),
        ("not_after the year 1", {"not_after": "0001-01-01T00:00:00Z"}, dated(None)),
        ("not_after epoch, as an empty date", {"not_after": "1970-01-01T00:00:00Z"}, dated(None)),
        ("not_after the 30th of February", {"not_after": "2021-02-30T09:03:30Z"}, dated(None)),
        ("not_after behind the last year", {"not_after": "9999-12-31T23:59:59-23:59"}, dated(None)),
        ("not_after the last second", {"not_after": "9999-12-31T23:59:59Z"}, dated("9999-12-31T23:59:59Z")),
        ("not_after with an offset", {"not_after": "2021-04-26T17:03:30+08:00"}, dated("2021-04-26T09:03:30Z")),
        ("not_after with nanoseconds", {"not_after": "2021-04-26T09:03:30.123456789Z"}, dated("2021-04-26T09:03:30.123456Z")),
        ("not_after in Arabic digits", {"not_after": "٢٠٢١-04-26T09:03:30Z"}, dated(None)),
        ("in an object of its own", {"id": GONE, "certificate": DETAILS}, odd("id")),
    ]),
    *table("instances", INSTANCES, [
        ("as it should be", {}, Gives([[GATEWAY, True]])),
        ("id missing", {"instances.0.id": GONE}, odd("0.id")),
        ("id common", {"instances.0.id": "common"}, odd("0.id")),
        ("status frozen", {"instances.0.status": "Frozen"}, Gives([[GATEWAY, False]])),
        ("status missing", {"instances.0.status": GONE}, Gives([[GATEWAY, True]])),
        ("status a number", {"instances.0.status": 6}, odd("0.status")),
        ("instances an object", {"instances": {"id": GATEWAY}}, ODD),
    ]),
    *table("groups", GROUPS, [
        ("as it should be", {}, Gives([[[CERTIFICATE, "apigtest.example.com", GATEWAY, True]]])),
        ("url_domains missing: not shown is not unbound", {"groups.0.url_domains": GONE}, Gives([None])),
        ("url_domains null", {"groups.0.url_domains": None}, Gives([None])),
        ("url_domains empty", {"groups.0.url_domains": []}, Gives([[]])),
        ("url_domains text", {"groups.0.url_domains": "[]"}, odd("0.url_domains")),
        ("a domain without a name", {"groups.0.url_domains.0.domain": GONE}, odd("0.url_domains.0.domain")),
        ("a domain with an empty name", {"groups.0.url_domains.0.domain": ""}, odd("0.url_domains.0.domain")),
        ("ssl_id empty", {"groups.0.url_domains.0.ssl_id": ""}, Gives([[[None, "apigtest.example.com", GATEWAY, True]]])),
        ("ssl_id no id", {"groups.0.url_domains.0.ssl_id": "x"}, ODD),
    ]),
]  # fmt: skip
