"""The watch itself: a planted secret turns the run red, and what is in order stays green."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.leaks import Watch

pytest_plugins = "pytester"
ROOT = Path(__file__).parents[2]
# In two parts, so that neither this file nor what pytest shows of it has the whole.
SECRET = "Zr7#kW" + "q9!mT2vXp"
PART = SECRET[3:11]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (SECRET, True),
        (f"before{SECRET}after", True),
        (PART, True),
        (PART[:7], False),
        (SECRET[::-1], False),
        (SECRET.upper(), False),
        ("", False),
        ("pin-1", True),  # a secret shorter than eight characters is found whole
        ("pin-", False),
    ],
)
def test_a_secret_is_found_whole_or_in_part(text: str, found: bool):
    """Eight characters in a row are enough; seven are not."""
    watch = Watch()
    watch.add([SECRET, "pin-1"])
    assert (watch.leaked(text) is not None) is found


def test_each_file_with_a_part_of_a_secret_is_found(tmp_path: Path):
    """All but those where the secret belongs."""
    watch = Watch()
    watch.add([SECRET])
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "log").write_bytes(b"\xff" + PART.encode())
    (tmp_path / "a" / "clean").write_text("nothing")
    (tmp_path / "a" / "link").symlink_to("b/log")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "database").write_text(SECRET)
    (tmp_path / "credentials").write_text(SECRET)
    watch.keep(tmp_path / "state", tmp_path / "credentials")
    assert list(watch.leaking(tmp_path)) == [tmp_path / "a" / "b" / "log"]


PLANTED = {
    "stdout": "print(SECRET)",
    "stderr": "print(PART, file=sys.stderr)",
    "in-a-line": "print('password=' + SECRET + ';')",
    "log-record": "logging.getLogger('any').warning('sent %s', SECRET)",
    "our-logger": "logger().info('m', field=PART)",
    "metric": "Report('undo', PART).failed(KeyError())",
    "subprocess": "subprocess.run([sys.executable, '-c', 'print(input())'], input=SECRET.encode(), check=True)",
    "failure": "raise ValueError('wrong: ' + SECRET)",
    "taken-by-capsys": "capsys = request.getfixturevalue('capsys'); print(SECRET); capsys.readouterr()",
}
PLANTED_FILES = {
    "file": "(tmp_path / 'log').write_text('x' + SECRET)",
    "file-of-subprocess": "subprocess.run(['sh', '-c', 'cat > out'], input=PART.encode(), check=True, cwd=tmp_path)",
}
IN_ORDER = {
    "nothing": "pass",
    "seven-characters": "print(PART[:7])",
    "its-place": "WATCH.keep(tmp_path / 'credentials'); (tmp_path / 'credentials').write_text(SECRET)",
    "opaque": "print(Secret(SECRET)); logging.warning('%r', Secret(SECRET))",
    "redacted": "held = Secret(SECRET); logger().warning('m', field=SECRET, other=[{'a': SECRET}])",
}


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], pytest.RunResult]:
    """Runs tests of one statement each under our conftest, in a process of their own."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'src'}")
    pytester.makeconftest("from tests.conftest import _files, _taken, pytest_runtest_makereport")

    def go(statements: dict[str, str]) -> pytest.RunResult:
        pytester.makepyfile(
            f"""
            import logging, subprocess, sys
            import pytest
            from shared.core.secret import Secret
            from shared.telemetry import Report, logger
            from tests.support.leaks import WATCH

            SECRET = {SECRET[:6]!r} + {SECRET[6:]!r}
            PART = SECRET[3:11]

            @pytest.mark.parametrize("statement", {list(statements.values())!r}, ids={list(statements)!r})
            def test_it(statement, tmp_path, request):
                WATCH.add([SECRET])
                exec(statement, globals(), locals())
            """
        )
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-v")

    return go


def test_a_planted_secret_turns_its_test_red(run: Callable[[dict[str, str]], pytest.RunResult]):
    """Whichever way it comes out. What pytest shows of it does not repeat it."""
    result = run(PLANTED)
    red = {line.split("[")[1].split("]")[0] for line in result.outlines if line.startswith(("ERROR ", "FAILED "))}
    assert red == set(PLANTED)
    assert "stands in the captured output of" in result.stdout.str()
    assert_clean(result)


def test_a_planted_file_turns_the_run_red(run: Callable[[dict[str, str]], pytest.RunResult]):
    """At the end of the run, by name."""
    result = run(PLANTED_FILES)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (line,) = [line for line in result.outlines if line.startswith("E   ") and "a secret stands in" in line]
    assert "test_it_file_0/log, " in line
    assert "test_it_file_of_subprocess_0/out" in line
    assert_clean(result)


def test_what_is_in_order_stays_green(run: Callable[[dict[str, str]], pytest.RunResult]):
    """The watch does not turn everything red."""
    result = run(IN_ORDER)
    result.assert_outcomes(passed=len(IN_ORDER))
    assert result.ret == pytest.ExitCode.OK


def assert_clean(result: pytest.RunResult) -> None:
    watch = Watch()
    watch.add([SECRET])
    assert watch.leaked(result.stdout.str() + result.stderr.str()) is None
