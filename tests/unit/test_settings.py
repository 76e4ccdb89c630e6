"""Settings: the contract's names and defaults, and one clear error for the first wrong one."""

from datetime import timedelta

import pytest

from shared.core.errors import ConfigurationError
from shared.core.guards import Policy
from shared.settings import VARIABLES, Settings, load

MINIMAL = {"SECRET_URI": "env:NAME"}


def of(**variables: str) -> Settings:
    values = MINIMAL | variables
    return load(values.get, values)


def test_these_are_the_settings():
    """Those of the contract, the switch for private zones, and the three that Knative's SinkBinding sets."""
    assert set(VARIABLES) - {"K_SINK", "K_CE_OVERRIDES", "K_CA_CERTS"} == {
        "SECRET_URI",
        "OS_REGION_NAME",
        "OS_AUTH_URL",
        "APIG_ENDPOINT",
        "OS_PROJECT_ID",
        "OS_CACERT",
        "DETACH_DRY_RUN",
        "DETACH_EXPIRY_GRACE",
        "DETACH_PROTECTED_DOMAINS",
        "DETACH_MAX_BINDINGS",
        "DETACH_MAX_CLEANUP_BINDINGS",
        "DETACH_MAX_EVENT_AGE",
        "DETACH_LIVE_DOMAINS",
        "DETACH_PRIVATE_ZONES",
        "UNDO_KEY_URI",
        "DETACH_MAX_UNDO_AGE",
        "DOOR_BEARER_URI",
        "DOOR_OIDC_ISSUER",
        "DOOR_OIDC_AUDIENCE",
        "DOOR_OIDC_SUBJECTS",
        "DETACH_BATCH_SIZE",
        "DETACH_CONCURRENCY",
        "HTTP_TIMEOUT",
        "HTTP_ATTEMPTS",
    }


def test_the_defaults_are_those_of_the_contract():
    """With SECRET_URI alone."""
    settings = of()
    assert settings.auth_url == "https://iam.eu-de.otc.t-systems.com/v3"
    assert settings.apig_endpoint == "https://apig.eu-de.otc.t-systems.com"
    assert settings.project_id is None
    assert settings.ca_file is None
    assert settings.dry_run is False
    assert settings.expiry_grace == timedelta(0)
    assert settings.protected_domains == ()
    assert (settings.max_bindings, settings.max_cleanup_bindings) == (200, 2000)
    assert (settings.live_domains, settings.private_zones, settings.batch_size) == (None, False, 50)
    assert (settings.max_event_age, settings.max_undo_age) == (timedelta(days=7), timedelta(days=30))
    assert (settings.undo_key_uri, settings.door_bearer_uri) == (None, None)
    assert (settings.door_oidc_issuer, settings.door_oidc_audience, settings.door_oidc_subjects) == (None, None, ())
    assert (settings.concurrency, settings.http_timeout, settings.http_attempts) == (4, 10.0, 4)


def test_region_builds_the_endpoints():
    """A region alone is enough for both endpoints."""
    settings = of(OS_REGION_NAME="eu-nl")
    assert settings.auth_url == "https://iam.eu-nl.otc.t-systems.com/v3"
    assert settings.apig_endpoint == "https://apig.eu-nl.otc.t-systems.com"


def test_a_given_endpoint_stands():
    """Without its trailing slash. An IAM address without a path gets /v3, as for Huawei Cloud."""
    settings = of(
        APIG_ENDPOINT="https://apig.eu-west-101.myhuaweicloud.eu/", OS_AUTH_URL="https://iam.myhuaweicloud.com"
    )
    assert settings.apig_endpoint == "https://apig.eu-west-101.myhuaweicloud.eu"
    assert settings.auth_url == "https://iam.myhuaweicloud.com/v3"
    assert of(APIG_ENDPOINT="https://proxy.example.com/APIX//").apig_endpoint == "https://proxy.example.com/APIX"


HUAWEI_IAM, HUAWEI_APIG = "https://iam.ap-southeast-1.myhuaweicloud.com/v3", "https://apig.x.myhuaweicloud.com"


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "set OS_AUTH_URL and APIG_ENDPOINT too"),
        ({"APIG_ENDPOINT": HUAWEI_APIG}, "set OS_AUTH_URL too"),
        ({"OS_AUTH_URL": HUAWEI_IAM}, "set APIG_ENDPOINT too"),
    ],
)
def test_a_region_of_another_cloud_needs_both_endpoints(variables, named):
    """A password of Huawei Cloud must not go to Open Telekom Cloud's IAM because that is the default."""
    with pytest.raises(ConfigurationError) as caught:
        of(OS_REGION_NAME="ap-southeast-1", **variables)
    assert caught.value.message == (
        "OS_REGION_NAME: the default endpoints are Open Telekom Cloud's, which has no region 'ap-southeast-1' (expected"
        f" eu-de or eu-nl); {named}, on Huawei Cloud https://iam.ap-southeast-1.myhuaweicloud.com/v3 and"
        " https://apig.ap-southeast-1.myhuaweicloud.com"
    )


@pytest.mark.parametrize(
    "variables",
    [
        {"APIG_ENDPOINT": HUAWEI_APIG},
        {"OS_AUTH_URL": HUAWEI_IAM},
        {"APIG_ENDPOINT": "https://APIG.x.MyHuaweiCloud.eu", "OS_AUTH_URL": "https://iam.eu-de.otc.t-systems.com"},
        {"APIG_ENDPOINT": "https://apig.eu-de.otc.t-systems.com:8443", "OS_AUTH_URL": "https://iam.myhuaweicloud.com."},
    ],
)
def test_two_clouds_are_not_mixed(variables):
    """Both settings are named. A name may be written in any case, with a port, and with a dot at its end."""
    with pytest.raises(
        ConfigurationError, match="^OS_AUTH_URL is an address of .*, and APIG_ENDPOINT one of "
    ) as caught:
        of(**variables)
    assert "set both to the same cloud" in caught.value.message


@pytest.mark.parametrize(
    "variables",
    [
        {"OS_AUTH_URL": "https://iam.example.com/v3", "OS_REGION_NAME": "eu-nl"},
        {"APIG_ENDPOINT": "https://apig.internal"},
        {"APIG_ENDPOINT": HUAWEI_APIG, "OS_AUTH_URL": "https://iam.internal/v3"},
        {"APIG_ENDPOINT": HUAWEI_APIG, "OS_AUTH_URL": HUAWEI_IAM, "OS_REGION_NAME": "ap-southeast-1"},
        {"APIG_ENDPOINT": "https://apig.notmyhuaweicloud.com"},
        {
            "APIG_ENDPOINT": "https://apig.eu-ch2.sc.otc.t-systems.com",
            "OS_AUTH_URL": "https://iam-pub.eu-ch2.sc.otc.t-systems.com/v3",
            "OS_REGION_NAME": "eu-ch2",
        },
    ],
)
def test_hosts_of_ones_own_are_free(variables):
    """A proxy or a test gateway is nobody's cloud, and one cloud may have several names."""
    assert of(**variables).apig_endpoint


def test_empty_counts_as_unset():
    """A template's empty parameter is no value."""
    assert of(DETACH_MAX_BINDINGS="", OS_PROJECT_ID=" ").max_bindings == 200


@pytest.mark.parametrize(
    ("text", "duration"),
    [("P0D", timedelta(0)), ("P7D", timedelta(days=7)), ("-P2D", timedelta(days=-2)), ("PT36H", timedelta(hours=36))],
)
def test_the_grace_is_a_duration_with_a_sign(text, duration):
    """In ISO 8601."""
    assert of(DETACH_EXPIRY_GRACE=text).policy.expiry_grace == duration


def test_protected_domains_compare_as_names_do():
    """Case, a trailing dot and IDNA make no difference in the list."""
    settings = of(DETACH_PROTECTED_DOMAINS=" Pay.Example.com., *.SHOP.example.com ,,bücher.example")
    assert settings.protected_domains == ("pay.example.com", "*.shop.example.com", "xn--bcher-kva.example")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("TRUE", True), ("1", True), ("no", False), ("0", False)])
def test_yes_and_no_may_be_written_in_several_ways(text, value):
    """In any case."""
    assert of(DETACH_DRY_RUN=text).policy.dry_run is value


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OS_PROJECT_ID", "../x"),
        ("OS_REGION_NAME", "eu de"),
        ("OS_AUTH_URL", "http://iam.example.com/v3"),
        ("OS_AUTH_URL", "iam.example.com"),
        ("APIG_ENDPOINT", "https://apig.example.com:port"),
        ("APIG_ENDPOINT", "https://apig.example.com/?a=b"),
        ("APIG_ENDPOINT", "ftp://apig.example.com"),
        ("DETACH_DRY_RUN", "maybe"),
        ("DETACH_EXPIRY_GRACE", "two days"),
        ("DETACH_EXPIRY_GRACE", "P9999D"),
        ("DETACH_PROTECTED_DOMAINS", "*,a.example.com"),
        ("DETACH_MAX_BINDINGS", "0"),
        ("DETACH_MAX_BINDINGS", "many"),
        ("DETACH_MAX_CLEANUP_BINDINGS", "0"),
        ("DETACH_MAX_CLEANUP_BINDINGS", "1.5"),
        ("DETACH_LIVE_DOMAINS", "Keep"),
        ("DETACH_BATCH_SIZE", "0"),
        ("DETACH_CONCURRENCY", "-1"),
        ("HTTP_TIMEOUT", "0"),
        ("HTTP_TIMEOUT", "nan"),
        ("HTTP_ATTEMPTS", "1.5"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(variable, value):
    """The error names the variable, the value and what is allowed."""
    with pytest.raises(ConfigurationError) as caught:
        of(**{variable: value})
    assert caught.value.message.startswith(f"{variable}: {value!r} is not allowed; ")
    assert "expected" in caught.value.message


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("OS_PROJECT_ID", "../x", "expected a project id of 32 lower-case hex digits"),
        ("APIG_ENDPOINT", "ftp://apig.example.com", "expected an https URL"),
        ("DETACH_MAX_BINDINGS", "0", "expected greater than or equal to 1"),
        ("DETACH_CONCURRENCY", "65", "expected less than or equal to 64"),
        ("DETACH_LIVE_DOMAINS", "Keep", "expected 'detach' or 'keep'"),
        ("DETACH_EXPIRY_GRACE", "P9999D",
         "expected an ISO 8601 duration of at most ten years, such as P0D, P7D or -P2D"),
        ("K_SINK", "ftp://sink.example.com", "expected an http or https URL without user"),
    ],
)  # fmt: skip
def test_what_is_allowed_is_told_in_a_sentence(variable, value, expected):
    """In our words, or in pydantic's after \"expected\"."""
    with pytest.raises(ConfigurationError) as caught:
        of(**{variable: value})
    assert caught.value.message.startswith(f"{variable}: {value!r} is not allowed; {expected}")


def test_http_is_allowed_to_this_machine():
    """Loopback may be plain HTTP, for a sandbox."""
    assert of(APIG_ENDPOINT="http://127.0.0.1:8080").apig_endpoint == "http://127.0.0.1:8080"


def test_a_missing_secret_uri_is_named():
    """The one required setting is named."""
    with pytest.raises(ConfigurationError, match="^SECRET_URI: not set; expected SCHEME:ADDRESS"):
        load({}.get)


def test_a_secret_in_the_wrong_place_is_not_repeated():
    """A password that was pasted into a setting stays out of the error."""
    for variables in ({"SECRET_URI": "hunter2 hunter2"}, {"OS_AUTH_URL": "https://user:hunter2@iam.example.com"}):
        with pytest.raises(ConfigurationError) as caught:
            of(**variables)
        assert "hunter2" not in str(caught.value)


def test_a_misspelt_setting_is_refused():
    """DETACH_DRYRUN=true would detach for real. What begins like a setting has to be one."""
    with pytest.raises(ConfigurationError, match="DETACH_DRYRUN: no such setting; did you mean DETACH_DRY_RUN?"):
        of(DETACH_DRYRUN="true")


def test_a_retired_setting_is_refused():
    """DETACH_MAX_DOMAINS counted domains. Left in place, it would limit nothing."""
    with pytest.raises(ConfigurationError, match="^DETACH_MAX_DOMAINS: no such setting"):
        of(DETACH_MAX_DOMAINS="5")
    with pytest.raises(ConfigurationError, match="^DETACH_QQQQQQ: no such setting$"):
        of(DETACH_QQQQQQ="5")


def test_the_policy_has_the_settings_on_which_decisions_rest():
    """Each goes into the field of its meaning."""
    policy = of(
        DETACH_DRY_RUN="true",
        DETACH_EXPIRY_GRACE="P1D",
        DETACH_PROTECTED_DOMAINS="a.example.com",
        DETACH_MAX_BINDINGS="3",
        DETACH_MAX_CLEANUP_BINDINGS="5",
        DETACH_MAX_EVENT_AGE="PT12H",
        DETACH_LIVE_DOMAINS="keep",
        DETACH_PRIVATE_ZONES="true",
        DETACH_BATCH_SIZE="7",
        DETACH_CONCURRENCY="9",
    ).policy
    assert policy == Policy(
        dry_run=True,
        expiry_grace=timedelta(days=1),
        protected_domains=("a.example.com",),
        max_bindings=3,
        max_cleanup_bindings=5,
        max_event_age=timedelta(hours=12),
        live_domains="keep",
        private_zones=True,
        batch_size=7,
        concurrency=9,
    )


def test_the_policys_own_defaults_are_those_of_the_settings():
    """Two places with the same defaults must not drift apart."""
    assert of().policy == Policy()


ISSUER, GOOGLE = "https://issuer.example.com", "https://accounts.google.com"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"DOOR_OIDC_ISSUER": ISSUER}, "DOOR_OIDC_AUDIENCE: not set; DOOR_OIDC_ISSUER needs it"),
        ({"DOOR_OIDC_AUDIENCE": "us"}, "DOOR_OIDC_ISSUER: not set; DOOR_OIDC_AUDIENCE needs it"),
        ({"DOOR_OIDC_SUBJECTS": "a"}, "DOOR_OIDC_ISSUER: not set; DOOR_OIDC_SUBJECTS needs it"),
        (
            {"DOOR_OIDC_ISSUER": f"{GOOGLE}/", "DOOR_OIDC_AUDIENCE": "us"},
            f"DOOR_OIDC_SUBJECTS: not set; {GOOGLE} makes tokens for any audience for everybody",
        ),
    ],
)
def test_the_settings_of_id_tokens_go_together(variables, message):
    """An issuer without an audience, or one that serves everybody, would let in whom nobody meant."""
    with pytest.raises(ConfigurationError) as info:
        of(**variables)
    assert info.value.message == message


def test_subjects_are_a_list():
    """Separated by commas."""
    settings = of(DOOR_OIDC_ISSUER=GOOGLE, DOOR_OIDC_AUDIENCE="us", DOOR_OIDC_SUBJECTS=" a@example.com, system:b ,")
    assert settings.door_oidc_subjects == ("a@example.com", "system:b")
