"""How the demo shows bindings and outcomes in a terminal."""

import json
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from sandbox import Fleet
from sandbox.records import instant
from sandbox.tables import Binding

SUFFIX = ".example.com"
"""Left out of every name, so that the table fits into 80 columns."""


def bindings_table(title: str, fleet: Fleet, before: set[Binding], now: set[Binding]) -> Table:
    """One row for each certificate, with its domains below their gateways; detached ones are marked."""
    table = Table(title=title, title_justify="left", title_style="bold", show_lines=True)
    for column in ("certificate", "expires", *(gateway.name for gateway in fleet.gateways.values())):
        table.add_column(column, no_wrap=True)
    for certificate in fleet.certificates.values():
        cells = []
        for gateway in fleet.gateways.values():
            names = sorted(d for c, d, g in before if (c, g) == (certificate.id, gateway.id))
            lines = [
                Text(_short(name))
                if (certificate.id, name, gateway.id) in now
                else Text(f"✗ {_short(name)}", "red strike")
                for name in names
            ]
            cells.append(Text("\n").join(lines))
        heading = Text.assemble(certificate.name, "\n", (f"CN {_short(certificate.common_name)}", "dim"))
        table.add_row(heading, _age(certificate.not_after), *cells)
    return table


def compact_json(value: Any, width: int, indent: str = "", key: str = "") -> str:
    """JSON in which every value that fits into one line of this width is on one line."""
    line = key + json.dumps(value)
    if len(indent) + len(line) < width or not isinstance(value, dict | list):  # one column is left for the comma
        return line
    deeper = indent + "  "
    if isinstance(value, dict):
        inner = [compact_json(item, width, deeper, f"{json.dumps(name)}: ") for name, item in value.items()]
    else:
        inner = [compact_json(item, width, deeper) for item in value]
    start, end = "{}" if isinstance(value, dict) else "[]"
    return f"{key}{start}\n" + ",\n".join(deeper + item for item in inner) + f"\n{indent}{end}"


def _short(name: str) -> str:
    return name.removesuffix(SUFFIX)


def _age(not_after: str) -> Text:
    days = (instant(not_after) - datetime.now(UTC)).total_seconds() / 86400
    if days < 0:
        return Text(f"{_days(-days)} ago", "bold red")
    return Text(f"in {_days(days)}", "yellow" if days < 30 else "green")


def _days(number: float) -> str:
    return "1 day" if round(number) == 1 else f"{number:.0f} days"
