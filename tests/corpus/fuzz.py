"""The coverage-guided fuzzer: `python -m tests.corpus.fuzz TARGET SECONDS`, or an input's file instead of the seconds.

It starts from the rows of the corpus, and goes on from what earlier runs found in build/fuzz/TARGET.
"""

import contextlib
import copy
import hashlib
import json
import random
import re
import sys
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["shared", "idna", "h11"]):
    from tests.corpus.targets import SEED, TARGETS, seeds

FOLDER = Path("build/fuzz")
LONGEST = 16_384  # bytes of an input
# The fields that mean something; they are put where they are missing more often than others.
OURS = ["certificate_id", "common_name", "domain", "domains", "instance_ids", "cursor", "undo", "dry_run", "context"]
LONGEST_VALUE = 200  # characters of a value that is put elsewhere
WORD = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9_. -]{2,40}")
HOW = """
Input (also in the file that is named below):
{data!r}
Add it to a table in tests/corpus/events or tests/corpus/replies, with the answer that is right (tests/corpus/README.md),
and mend the product. To see it again: PYTHONPATH=src .venv-fuzz/bin/python -m tests.corpus.fuzz {target} FILE
"""


class Mutator:
    """Changes up to three values of the JSON at the end of an input, or else, and now and then, some bytes.

    `known` are the values that stand under each key somewhere in the corpus: right ones and wrong ones.
    """

    def __init__(self, words: list[bytes], known: dict[str, list[Any]]) -> None:
        self._words = [word.decode("ascii") for word in words]
        self._known = known

    def __call__(self, data: bytes, most: int, seed: int) -> bytes:
        """Another input of at most so many bytes."""
        chance = random.Random(seed)
        start = data.find(b"{")
        if start >= 0 and chance.random() < 0.8:
            with contextlib.suppress(ValueError, RecursionError):
                content = json.loads(data[start:])
                for _ in range(chance.randint(1, 3)):
                    self._change(content, chance)
                changed = data[:start] + json.dumps(content).encode()
                if len(changed) <= most:
                    return changed
        return bytes(atheris.Mutate(data, most))

    def _change(self, place: Any, chance: random.Random) -> None:
        """Go down to some value, and put another in its place."""
        while True:
            if isinstance(place, dict) and (not place or chance.random() < 0.3):
                key = chance.choice(chance.choice([OURS, OURS, list(self._known), self._words]))
                place[key] = self._value(chance, key)
                return
            if isinstance(place, list) and not place:
                place.append(self._value(chance))
                return
            key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
            inner = place[key]
            if isinstance(inner, str) and inner.startswith("{") and chance.random() < 0.8:  # an event as text
                with contextlib.suppress(ValueError, RecursionError):
                    content = json.loads(inner)
                    self._change(content, chance)
                    place[key] = json.dumps(content)
                    return
            if not isinstance(inner, dict | list) or chance.random() < 0.2:
                if chance.random() < 0.2:
                    del place[key]
                else:
                    place[key] = self._value(chance, key)
                return
            place = inner

    def _value(self, chance: random.Random, key: object = None) -> Any:
        if key in self._known and chance.random() < 0.7:
            return copy.deepcopy(chance.choice(self._known[str(key)]))
        odd = ["", " ", "\x00", "\ud800", "é.example", "*.", "2026-02-03T06:00:12Z", "{}", "[]", "null"]
        values: list[Any] = [
            None,
            True,
            False,
            0,
            -1,
            10**20,
            1.5,
            [],
            {},
            chance.choice(odd),
            chance.choice(self._words),
        ]
        value = chance.choice(values)
        return chance.choice([value, [value], {chance.choice(self._words): value}])


def known_values(target: str) -> dict[str, list[Any]]:
    """The values of each key in the seeds, each once."""
    known: dict[str, dict[str, Any]] = {}

    def note(value: Any) -> None:
        for key, inner in value.items() if isinstance(value, dict) else ():
            if len(text := json.dumps(inner)) <= LONGEST_VALUE and len(key) <= LONGEST_VALUE:
                known.setdefault(key, {})[text] = inner
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            note(inner)

    for _, data in seeds(target):
        if len(data) <= SEED and (start := data.find(b"{")) >= 0:
            with contextlib.suppress(ValueError, RecursionError):
                note(json.loads(data[start:]))
    return {key: list(values.values()) for key, values in known.items()}


def main(target: str, what: str) -> None:
    """Run until the time is up, or until something is found."""
    place = FOLDER / target
    for name in ("seeds", "inputs"):
        (place / name).mkdir(parents=True, exist_ok=True)
    words = set[bytes]()
    for _, data in seeds(target):
        if len(data) <= SEED:
            (place / "seeds" / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
            words.update(WORD.findall(data))
    dictionary = place / "words"
    dictionary.write_bytes(b"".join(b'"%s"\n' % word for word in sorted(words)))

    def one(data: bytes) -> None:
        try:
            TARGETS[target](data)
        except BaseException:
            print(HOW.format(data=data, target=target), flush=True)
            raise

    options = [f"-dict={dictionary}", f"-artifact_prefix={place}/", "-timeout=10", "-rss_limit_mb=1024"]
    if what.isdigit():
        options += [
            f"-max_total_time={what}",
            f"-max_len={LONGEST}",
            "-reduce_inputs=0",
            "-keep_seed=1",
            "-print_final_stats=1",
        ]
        options += [str(place / "inputs"), str(place / "seeds")]
    else:
        options.append(what)
    atheris.Setup([sys.argv[0], *options], one, custom_mutator=Mutator(sorted(words), known_values(target)))
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
