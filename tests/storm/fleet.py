"""The fleet that a storm starts with: the same for the same seed, except that its dates are relative to now."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

ZONES = ("example.com", "shop.example", "api.example.org", "xn--bcher-kva.example", "xn--mnchen-3ya.example")
PROTECTED_ZONE = "protected.example"
GATEWAYS = 6


@dataclass(frozen=True)
class Binding:
    """One pair of a name, as the API lists it, and a gateway, with the certificate that it carries at the start."""

    certificate_id: str
    domain: str
    instance_id: str
    verified: bool


@dataclass(frozen=True)
class Certificate:
    """What the generator knows of a certificate; `not_after` is that of the start."""

    id: str
    common_name: str
    not_after: datetime
    instance_id: str | None
    bindings: tuple[Binding, ...]

    @property
    def expired(self) -> bool:
        """Whether it has expired at the start; no date lies near the start."""
        return self.not_after < datetime.now(UTC)


@dataclass(frozen=True)
class World:
    """The fleet as a seed of the sandbox, and what the generator of events knows of it."""

    seed: dict
    gateways: tuple[str, ...]
    certificates: tuple[Certificate, ...]
    protected: tuple[str, ...]
    """Names and `*.` patterns for DETACH_PROTECTED_DOMAINS."""

    def certificate(self, certificate_id: str) -> Certificate | None:
        """The certificate of that id."""
        return self._by_id.get(certificate_id)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {each.id: each for each in self.certificates})


def plain(name: str) -> str:
    """The form in which names compare, in the storm's own words: every name of the fleet is ASCII."""
    return name.lower().rstrip(".")


def make_world(seed: int, certificates: int, now: datetime) -> World:
    """That many certificates on six gateways, with 0 to 120 bindings each."""
    return _Maker(Random(f"{seed}/fleet"), now).world(certificates)


class _Maker:
    def __init__(self, rng: Random, now: datetime) -> None:
        self.rng = rng
        self.now = now.replace(microsecond=0)
        self.gateways = tuple(_gateway_id(rng, number) for number in range(GATEWAYS))
        self.protected = [f"*.{PROTECTED_ZONE}"]
        self.domains: list[dict] = []

    def world(self, count: int) -> World:
        made, rows = [], []
        for number in range(count):
            certificate, row = self.certificate(number, made[-1] if made else None)
            made.append(certificate)
            rows.append(row)
        seed = {
            "gateways": [{"id": each, "name": f"gateway_{n}"} for n, each in enumerate(self.gateways)],
            "certificates": rows,
            "domains": self.domains,
        }
        return World(seed, self.gateways, tuple(made), tuple(self.protected))

    def certificate(self, number: int, previous: Certificate | None) -> tuple[Certificate, dict]:
        rng = self.rng
        # Every twelfth has the name of the one before, on another gateway: a search by name finds both.
        twin = previous if number % 12 == 11 and previous is not None and previous.instance_id else None
        zone = PROTECTED_ZONE if rng.random() < 0.06 else rng.choice(ZONES)
        base = plain(twin.common_name).removeprefix("*.") if twin else f"c{number:04d}.{zone}"
        certificate_id = _hex(rng)
        is_global = twin is None and rng.random() < 0.2
        gateways = [each for each in self.gateways if twin is None or each != twin.instance_id]
        home = None if is_global else rng.choice(gateways)
        common_name = twin.common_name if twin else _cased(rng, rng.choice((base, f"*.{base}")))
        not_after = self.date()
        bindings = tuple(
            self.bind(certificate_id, name, gateway)
            for name in self.names(base)
            for gateway in ([home] if home else rng.sample(self.gateways, rng.choice((1, 1, 2, 3))))
        )
        row = {
            "id": certificate_id,
            "name": f"cert_{number}",
            "common_name": common_name,
            "san": [base, f"*.{base}"],
            "not_after": _date_text(rng, not_after),
            "type": "global" if is_global else "instance",
            "instance_id": home,
            "has_trusted_root_ca": rng.random() < 0.2,
        }
        return Certificate(certificate_id, common_name, not_after, home, bindings), row

    def names(self, base: str) -> list[str]:
        """The names that the certificate is bound to, as the API lists them."""
        rng = self.rng
        count = rng.choices(
            (0, rng.randint(1, 3), rng.randint(4, 10), rng.randint(20, 50), rng.randint(90, 120)), (14, 52, 26, 6, 2)
        )[0]
        special = [base, f"*.{base}", f"status.{base}"]
        if rng.random() < 0.1:
            self.protected.append(rng.choice((f"status.{base}", f"vip.{base}")))  # the second protects the wildcard
        names = [*rng.sample(special, min(count, rng.randint(0, 3))), *(f"a{each}.{base}" for each in range(count))]
        return [_cased(rng, name) for name in names[:count]]

    def bind(self, certificate_id: str, name: str, gateway: str) -> Binding:
        verified = self.rng.random() < 0.25
        row = {
            "name": name,
            "gateway_id": gateway,
            "status": self.rng.choice((1, 1, 2, 3, 4)),
            "certificate_id": certificate_id,
            "verified_client_certificate_enabled": verified,
        }
        self.domains.append(row)
        if self.rng.random() < 0.05:  # the same name on a port of its own
            self.domains.append({**row, "https_port": 8443})
        return Binding(certificate_id, name, gateway, verified)

    def date(self) -> datetime:
        """Never within two hours of now, so that no clock of ours can make it ambiguous."""
        hours = self.rng.choice((self.rng.randint(2, 48), self.rng.randint(48, 9000)))
        return self.now + timedelta(hours=hours) * (-1 if self.rng.random() < 0.6 else 1)


def _hex(rng: Random) -> str:
    return f"{rng.getrandbits(128):032x}"


def _gateway_id(rng: Random, number: int) -> str:
    text = _hex(rng)
    dashed = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return dashed if number % 2 else text


def _cased(rng: Random, name: str) -> str:
    """Sometimes with capital letters, which compare all the same."""
    return name if rng.random() < 0.85 else rng.choice((name.upper(), name.title()))


def _date_text(rng: Random, moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + rng.choice(("Z", "Z", ".000000Z", "+00:00"))
