"""Domain names: which are well formed, and the form in which they compare."""

import pytest

from shared.core.names import comparable_name, normal_name

GREATEST = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 63])  # of 255 characters


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("API.Example.com", "api.example.com"),
        ("api.example.com.", "api.example.com"),
        ("*.Example.com", "*.example.com"),
        ("*.Bücher.example", "*.xn--bcher-kva.example"),
        ("BÜCHER.example.", "xn--bcher-kva.example"),
        ("_acme.a-b.example", "_acme.a-b.example"),
        (GREATEST, GREATEST),
        (f"{GREATEST}.", GREATEST),
    ],
)
def test_a_name_compares_in_its_normal_form(name: str, normal: str) -> None:
    """Lower case, IDNA, without the last dot; up to 255 characters."""
    assert normal_name(name) == comparable_name(name) == normal


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "localhost",
        "a..example",
        "api.example.com..",
        "-a.example",
        "a.*.example",
        "*",
        "*.",
        "**.example.com",
        "a b.example",
        "ü..example",
        "*.ü..example",
        "*.*.bücher.example",
        "\ud800.example",
        "A" * 64 + ".example",
        "e." + GREATEST[1:],  # 256 characters
    ],
)
def test_what_is_no_name_is_refused_and_compares_as_itself(name: str) -> None:
    """It then equals nothing that an event may ask for."""
    with pytest.raises(ValueError, match=r"^expected a domain name such as api\.example\.com or \*\.example\.com$"):
        normal_name(name)
    assert comparable_name(name) == name.lower()
