"""Bugs to be planted in a copy of the function, one at a time: the oracle has to find each of them.

A bug is a piece of text that is replaced. It must stand there exactly once, so that a bug that is planted no more after
a change of the function is noticed.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

SRC = Path(__file__).parents[2] / "src"


@dataclass(frozen=True)
class Bug:
    """One bug: the letter under which the oracle has to find it, and the piece of text that makes it."""

    name: str
    letter: str
    path: str
    old: str
    new: str
    events: int = 150

    def plant(self, folder: Path) -> Path:
        """A copy of the function with this bug, in that folder; returns where it is."""
        copy = folder / "src"
        shutil.copytree(SRC, copy, ignore=shutil.ignore_patterns("__pycache__"))
        file = copy / self.path
        text = file.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: its text stands {text.count(self.old)} times in {self.path}, not once")
        file.write_text(text.replace(self.old, self.new), encoding="utf-8")
        return copy


BUGS = (
    Bug(
        "attach and detach are swapped",
        "a",
        "shared/apig/client.py",
        '/domains/{action}"\n',
        "/domains/{'attach' if action == 'detach' else 'detach'}\"\n",
    ),
    Bug(
        "the gateways are left out",
        "a",
        "shared/apig/client.py",
        'content={"domains": domains}',
        'content={"domains": [{"domain": each["domain"]} for each in domains]}',
    ),
    Bug(
        "the date is not looked at",
        "a",
        "shared/core/guards.py",
        "return now - policy.expiry_grace >= certificate.not_after",
        "return True",
    ),
    Bug(
        "a protected domain is not kept",
        "a",
        "shared/core/guards.py",
        'return "protected" if is_protected(',
        "return None if is_protected(",
    ),
    Bug(
        "a wildcard that serves a protected name is not kept",
        "a",
        "shared/core/guards.py",
        'return "wildcard_covers_protected" if covered else None',
        "return None",
    ),
    Bug(
        "the narrowing is ignored",
        "a",
        "shared/core/guards.py",
        'return None if case.scope.entry_for(case.binding, case.name) else "not_requested"',
        "return None",
    ),
    Bug(
        "a dry run changes things",
        "a",
        "shared/core/guards.py",
        "dry_run=policy.dry_run or event.data.dry_run",
        "dry_run=policy.dry_run",
    ),
    Bug("the cap is ignored", "a", "shared/core/guards.py", "if bindings > most:", "if bindings > most * 1000:", 400),
    Bug(
        "an undo leaves client verification to the API",
        "a",
        "shared/core/plan.py",
        "return case.binding.verified_client_certificate_enabled or verified_now",
        "return None",
    ),
    Bug(
        "a listing loses a row at each border of its pages",
        "b",
        "shared/apig/paging.py",
        "yield from rows",
        "yield from rows if before == 0 else rows[1:]",
    ),
    Bug(
        "what was not answered counts as done, and is not read again",
        "b",
        "shared/reconcile/execute.py",
        "if (binding.place in bound) != detaching:",
        "if bound or not bound:",
    ),
    Bug("a failed event is acknowledged", "b", "handlers/__init__.py", "    if error is not None:", "    if False:"),
    Bug(
        "an undo forgets client verification",
        "c",
        "shared/core/binding_json.py",
        '"verified_client_certificate_enabled": verified,',
        '"verified_client_certificate_enabled": False,',
    ),
    Bug(
        "an undo leaves out what it may have detached",
        "c",
        "shared/core/outcome.py",
        'for result in self.results if result.ours) if self.plan.action == "detach" else ()',
        "for result in self.results if result.state == 'changed') if self.plan.action == \"detach\" else ()",
    ),
    Bug(
        "no plan is logged",
        "c",
        "handlers/__init__.py",
        "    report.planned(plan, work.signer)\n",
        "",
    ),
    Bug(
        "a token is written to the output",
        "d",
        "shared/credentials/provider.py",
        "held = self._iam.log_in(held, transport, now)",
        "held = self._iam.log_in(held, transport, now); print(held.value.reveal()[100:112], flush=True)",
    ),
    Bug(
        "throttling is taken for a refusal",
        "e",
        "shared/core/error_codes.py",
        '"APIG.9008": Unavailable,',
        '"APIG.9008": Rejected,',
    ),
    Bug(
        "what passes by itself is not tried again",
        "e",
        "shared/core/errors.py",
        'succeeds later."""\n\n    retryable: ClassVar[bool] = True',
        'succeeds later."""\n\n    retryable: ClassVar[bool] = False',
    ),
    Bug(
        "the waits between attempts know no end",
        "f",
        "shared/transport/send.py",
        "            raise error\n        self.sleep(wait)\n",
        "            raise error\n        self.sleep(wait + 25)\n",
        events=24,
    ),
    Bug(
        "each event leaves a thread behind",
        "f",
        "handlers/__init__.py",
        "    data, work = event.data, _admitted(event, work)\n",
        "    import threading\n\n    threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "    data, work = event.data, _admitted(event, work)\n",
        events=500,
    ),
)
