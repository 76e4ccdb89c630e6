"""The same question about several gateways or certificates: one without an answer does not stop the others."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from shared.core.all_told import all_told
from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, CredentialsRefused, DetachError, NotFound
from shared.reconcile.parallel import in_order

Answer = TypeVar("Answer")


def ask_each(
    subjects: Iterable[str], ask: Callable[[str], Answer], deadline: Deadline, threads: int = 1
) -> tuple[dict[str, Answer], dict[str, DetachError]]:
    """What was answered for each of these ids, in order, and for each other one why nothing was.

    Raises what is about none of them alone: refused credentials, a wrong setting (such as the clock), no time left, and
    an error for all of them.
    """

    def attempt(subject: str) -> tuple[Answer] | DetachError:
        try:
            return (ask(subject),)
        except (ConfigurationError, CredentialsRefused):
            raise
        except DetachError as exc:
            return exc

    ids = list(dict.fromkeys(subjects))
    results = list(zip(ids, in_order(ids, attempt, threads), strict=True))
    failed = {each: said for each, said in results if isinstance(said, DetachError)}
    error = all_told(failed.values())
    if error is not None and (len(failed) == len(ids) or deadline.left() <= 0):
        raise error
    return {each: said[0] for each, said in results if not isinstance(said, DetachError)}, failed


def does_not_exist(instance_id: str) -> NotFound:
    """The error of a gateway that the project's list of gateways does not have; the code is the API's own for it."""
    return NotFound(f"gateway {instance_id} does not exist in this project", error_code="APIG.3030")
