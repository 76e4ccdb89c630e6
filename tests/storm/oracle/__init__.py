"""The oracle: says what a storm's records prove against the function, without knowing anything of its code.

    verdict = judge(folder)

It reads the folder that a storm has written, and nothing else. What an event justifies, what it had to remove and what
an outcome may say stand here in the oracle's own words, taken from the public contract.
"""

from tests.storm.oracle.judging import judge
from tests.storm.oracle.verdict import LETTERS, Verdict, Violation

__all__ = ["LETTERS", "Verdict", "Violation", "judge"]
