"""What an event means, and what its meaning allows and demands at a moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from tests.storm.oracle.history import History
from tests.storm.oracle.names import covers_protected, is_protected, may_cover_protected, plain
from tests.storm.oracle.records import Json, Pair, Settings

READ_BEFORE = (
    3.0  # seconds: a date may be 2 s old when its detach is sent (contract, "Fresh at every write"), and travels
)


@dataclass(frozen=True)
class Meaning:
    """One event's meaning, from the generator's own words."""

    fields: Json
    settings: Settings
    history: History

    @property
    def kind(self) -> str | None:
        """None for an event that has to be refused."""
        return self.fields["kind"]

    @property
    def detaches(self) -> bool:
        """Whether it is of a kind that detaches."""
        return self.kind in ("certificate_expiry", "domain_decommission", "scheduled_cleanup")

    @property
    def dry_run(self) -> bool:
        """Whether it may change nothing."""
        return bool(self.fields.get("dry_run")) or self.settings.dry_run

    @property
    def cap(self) -> int:
        """Pairs of a domain and a gateway that it may change."""
        cleanup = self.kind == "scheduled_cleanup"
        return self.settings.max_cleanup_bindings if cleanup else self.settings.max_bindings

    @property
    def refused(self) -> str | None:
        """Why nothing of it may be done at all."""
        if self.kind is None or self.fields.get("expected_error"):
            return "it must be refused"
        age, most = self.fields.get("age_seconds"), self.settings.max_event_age_seconds
        if age is not None and most and age > most:
            return f"it is {age:.0f} s old"
        return "it is a dry run" if self.dry_run else None

    # --- which pairs ---

    def of_certificate(self, certificate_id: str) -> bool:
        """Whether the event may be about this certificate at all."""
        fields = self.fields
        if fields.get("certificate_id") is not None:
            return bool(fields["certificate_id"] == certificate_id)
        if self.kind == "certificate_expiry":
            if fields.get("common_name") is not None:
                return plain(fields["common_name"]) in self.history.names.get(certificate_id, ())
            if fields.get("everywhere"):
                return bool(self.history.pairs(certificate_id=certificate_id, names=self.names or ()))
        return True

    @cached_property
    def names(self) -> frozenset[str] | None:
        """The names asked for; None for all."""
        told = self.fields.get("domains")
        return None if told is None else frozenset(plain(each) for each in told)

    @cached_property
    def _gateways(self) -> dict[str, frozenset[str]]:
        told = self.fields.get("domain_instance_ids") or {}
        return {plain(name): frozenset(gateways) for name, gateways in told.items()}

    def asks_for(self, pair: Pair) -> bool:
        """Whether the pair is within what the event's domains and gateways narrow it to."""
        _, name, gateway = pair
        gateways = self.fields.get("instance_ids")
        if gateways is not None and gateway not in gateways:
            return False
        if self.fields.get("everywhere"):
            return True
        if self.names is not None and name not in self.names:
            return False
        return name not in self._gateways or gateway in self._gateways[name]

    def pairs(self) -> Iterator[Pair]:
        """Every pair that was ever bound and that a detaching event means, whatever its date and the guards."""
        certificate_id, names = self.fields.get("certificate_id"), self.names
        if certificate_id is not None or names is None or self.fields.get("everywhere"):
            found = self.history.pairs(certificate_id=certificate_id)
        else:
            found = self.history.pairs(names=names)
        return (pair for pair in found if self.of_certificate(pair[0]) and self.asks_for(pair))

    # --- guards ---

    def must_keep(self, pair: Pair) -> str | None:
        """The rule that forbids to change it, whatever else."""
        if is_protected(pair[1], self.settings.protected):
            return "protected"
        if covers_protected(pair[1], self.settings.protected):
            return "wildcard_covers_protected"
        return "live" if self.keeps_live and pair[1:] in self.history.resolving else None

    def may_keep(self, pair: Pair) -> bool:
        """Whether a rule allows to keep it."""
        return self.must_keep(pair) is not None or may_cover_protected(pair[1], self.settings.protected)

    @property
    def keeps_live(self) -> bool:
        """Whether a domain that still resolves is kept: by the setting, or as it is known from a DNS trace alone."""
        if self.kind != "domain_decommission":
            return False
        setting = self.settings.live_domains
        return setting == "keep" or (setting is None and bool(self.fields.get("dns")))

    # --- at a moment ---

    def why_no_detach(self, pair: Pair, sent_at: float, at: float) -> str | None:
        """Why this event, sent at that time, does not justify a detach of the pair at `at`; None if it does."""
        return next(self._against_detach(pair, sent_at, at), None)

    def _against_detach(self, pair: Pair, sent_at: float, at: float) -> Iterator[str]:
        if not self.detaches:
            yield "is no event that detaches" if self.kind else "must be refused"
        if not self.of_certificate(pair[0]):
            yield "is about another certificate"
        if not self.asks_for(pair):
            yield "does not ask for this domain on this gateway"
        if self.refused:
            yield f"may change nothing: {self.refused}"
        if kept := self.must_keep(pair):
            yield f"must keep it: {kept}"
        if self.kind != "domain_decommission" and not self.history.due_sometime(pair[0], at - READ_BEFORE, at):
            yield "is about expiry, and the certificate has not expired"
        if not self.history.bound_sometime(pair, sent_at, at):
            yield "means it, but it has not been bound since the event was sent"

    def why_no_attach(self, pair: Pair, flag: bool | None, sent_at: float, at: float) -> str | None:
        """The same for an attach with this flag of client verification."""
        return next(self._against_attach(pair, flag, sent_at, at), None)

    def _against_attach(self, pair: Pair, flag: bool | None, sent_at: float, at: float) -> Iterator[str]:
        flags = self.undone.get(pair)
        if self.kind != "undo":
            yield "is no undo"
        if flags is None:
            yield "does not undo this binding"
        if self.refused:
            yield f"may change nothing: {self.refused}"
        if kept := self.must_keep(pair):
            yield f"must keep it: {kept}"
        if self.history.kept_by_another(pair, at - READ_BEFORE, at):
            yield "undoes it, but another certificate has taken the place"
        if flags is not None and flag not in flags and not (flag and True in self._flags_of_place(pair, sent_at, at)):
            yield f"undoes it with client verification {sorted(flags)}, and not {flag}"

    def _flags_of_place(self, pair: Pair, since: float, until: float) -> set[bool]:
        until -= 1e-6  # what the attach itself does is no reason for it
        holders = self.history.holders(pair[1], pair[2], since, until)
        return {flag for each in holders for flag in self.history.flags((each, *pair[1:]), since, until)}

    @cached_property
    def undone(self) -> dict[Pair, set[bool]]:
        """What an undo attaches again: the pair → its flags, as the outcome told them."""
        return undo_pairs(self.fields.get("undo") or ())

    def had_to_go(self, pair: Pair, since: float, until: float) -> bool:
        """Whether a live event that was acknowledged after this span has left undone what it had to detach.

        Only what was bound, due and without a rule that keeps it at every moment of the span.
        """
        expired = self.kind == "domain_decommission" or self.history.due_throughout(pair[0], since, until)
        asleep = self.kind == "scheduled_cleanup" and pair[2] in self.history.at_rest
        return expired and not asleep and not self.may_keep(pair) and self.history.bound_throughout(pair, since, until)

    def had_to_come(self, pair: Pair, since: float, until: float) -> bool:
        """The same for an undo: the place was free, the certificate valid, and nothing forbade it, all the time."""
        history = self.history
        return (
            not history.holders(pair[1], pair[2], since, until)
            and history.valid_throughout(pair[0], since, until)
            and history.domain_throughout(pair[1], pair[2], since, until)
            and not self.may_keep(pair)
        )


def undo_pairs(undo: object, *, perhaps: bool | None = None) -> dict[Pair, set[bool]]:
    """The pairs of an `undo` with their flags: all, those that are `perhaps` ours, or the others."""
    found: dict[Pair, set[bool]] = {}
    for certificate in undo if isinstance(undo, list | tuple) else ():
        for entry in certificate.get("domains", ()):
            if perhaps is not None and bool(entry.get("perhaps")) is not perhaps:
                continue
            for gateway in entry.get("instance_ids", ()):
                pair = certificate["certificate_id"], plain(entry["domain"]), gateway
                found.setdefault(pair, set()).add(bool(entry.get("verified_client_certificate_enabled")))
    return found
