"""Secrets have no string form."""

import hmac
from typing import NoReturn, Protocol, final


@final
class Secret:
    """A secret text: `reveal()` is the one way to it.

    Its repr, str and format are a placeholder; it can be neither pickled nor encoded as JSON. Equal texts are equal.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """The text itself, for the request that carries it."""
        return self.__text

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.__text.encode(), other.reveal().encode())

    __hash__ = None  # type: ignore[assignment]  # a hash would tell two secrets apart in a log

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


class Store(Protocol):
    """Reads the secret where it is kept. `fresh` is True when what it gave last has been refused."""

    def __call__(self, *, fresh: bool = False) -> Secret:
        """The secret as it stands, or as long as the store says that it may be kept; or ConfigurationError."""
