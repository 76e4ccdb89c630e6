"""This machine's clock beside the gateway's: a certificate is due only when it is due by both."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from shared.core.dates import http_date
from shared.core.errors import ConfigurationError
from shared.transport.send import Reply

MOST_APART = timedelta(minutes=15)  # what IAM allows for a signed request, too


def _utc_now() -> datetime:
    return datetime.now(UTC)


class GatewayClock:
    """One event's clock; `ours` gives this machine's time in UTC. For any number of threads."""

    def __init__(self, ours: Callable[[], datetime] = _utc_now) -> None:
        self._ours = ours
        self._ahead = timedelta(0)  # of the gateway's clock, as far as it is known

    def note(self, reply: Reply) -> None:
        """Compare with the reply's Date. Raises ConfigurationError when more than 15 minutes lie between the clocks.

        A reply without a Date tells nothing. Of several (a proxy may add its own), the one that differs most counts.
        """
        ours = self._ours()
        dates = [date for text in reply.headers.get_list("Date") if (date := http_date(text)) is not None]
        if not dates:
            return
        theirs = max(dates, key=lambda date: abs(date - ours))
        self._ahead = theirs - ours
        if abs(self._ahead) > MOST_APART:
            raise ConfigurationError(
                f"the clocks differ by more than 15 minutes: this machine's says {_text(ours)}, API Gateway's says"
                f" {_text(theirs)}; nothing is decided on dates until they agree"
            )

    def both(self) -> tuple[datetime, datetime]:
        """This machine's time and the gateway's: the same until an answer has told the gateway's."""
        ours = self._ours()
        return ours, ours + self._ahead

    def now(self) -> datetime:
        """The earlier of both clocks."""
        return self._ours() + min(self._ahead, timedelta(0))

    def latest(self) -> datetime:
        """The later of both clocks."""
        return self._ours() + max(self._ahead, timedelta(0))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
