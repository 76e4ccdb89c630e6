"""One name in its spellings. The storm knows the Unicode form of its own labels, and needs no IDNA for it."""

from random import Random

IDN = {"xn--bcher-kva": "bücher", "xn--mnchen-3ya": "münchen"}


def spelt(rng: Random, name: str) -> str:
    """Another spelling of the same name: case, a trailing dot, Unicode."""
    draw = rng.random()
    if draw < 0.1:
        return name.upper()
    if draw < 0.2:
        return f"{name}."
    if draw < 0.5:
        for ascii_label, label in IDN.items():
            name = name.lower().replace(ascii_label, label)
    return name


def ascii_name(name: str) -> str:
    """The name without Unicode."""
    for ascii_label, label in IDN.items():
        name = name.lower().replace(label, ascii_label)
    return name
