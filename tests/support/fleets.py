"""Large fleets for the clean-up: made up, but counted."""

from dataclasses import dataclass, field

from sandbox import Fleet

EXPIRED, VALID = "2021-04-26T09:03:30Z", "2036-04-26T09:03:30Z"


@dataclass
class Counted:
    """A fleet, the ids of its expired certificates, and the bindings that are to stay."""

    fleet: Fleet
    expired: set[str] = field(default_factory=set)
    staying: set[tuple[str, str, str]] = field(default_factory=set)


def counted_fleet(
    gateways: int = 3, certificates: int = 500, domains: int = 20, *, every: int = 6, shared: int = 0
) -> Counted:
    """So many gateways, each with so many certificates of so many domains; every so-manieth certificate has expired.

    `shared` of the expired ones serve all gateways: their domains are spread over these.
    """
    counted = Counted(Fleet())
    fleet = counted.fleet
    ids = [fleet.add_gateway().id for _ in range(gateways)]
    for number in range(gateways * certificates):
        gateway_id, expired = ids[number % gateways], number % every == 0
        everywhere = expired and number < shared * every
        certificate = fleet.add_certificate(
            common_name=f"*.c{number}.example.com",
            not_after=EXPIRED if expired else VALID,
            type="global" if everywhere else "instance",
            instance_id=None if everywhere else gateway_id,
        )
        if expired:
            counted.expired.add(certificate.id)
        for domain in range(domains):
            place = ids[domain % gateways] if everywhere else gateway_id
            fleet.carry(fleet.add_domain(f"d{domain}.c{number}.example.com", place), certificate.id, domain % 7 == 0)
    counted.staying = {binding for binding in fleet.bindings() if binding[0] not in counted.expired}
    return counted
