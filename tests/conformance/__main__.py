"""`python -m tests.conformance --server URL`: one row for each check; exit status 1 when any failed."""

from __future__ import annotations

import argparse
import asyncio
import sys

from rich.console import Console
from rich.table import Table as RichTable

from tests.conformance.facts import Facts, text_of
from tests.conformance.table import failures, has_node, joined, node_half, python_half


def main() -> int:
    """Ask the server, print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--server", required=True, help="its address, such as http://127.0.0.1:7860")
    parser.add_argument("--key", default="", help="an API key that it accepts")
    parser.add_argument("--file", default=Facts(server="").file, help="a recording")
    parser.add_argument("--language", default="en", help="the code of the recording's language")
    parser.add_argument("--large", type=int, default=0, help="bytes that are too many for it")
    parser.add_argument("--broken", default="", help="a recording that fails after its beginning")
    given = parser.parse_args()
    facts = Facts(
        server=given.server.rstrip("/"),
        key=given.key,
        file=given.file,
        text=text_of(given.file),
        language=given.language,
        large=given.large,
        broken=given.broken,
    )
    halves = [asyncio.run(python_half(facts))]
    if has_node():
        halves.append(node_half(facts))
    else:
        Console(stderr=True).print("The Node half is left out: run scripts/install-node-packages.sh first.")
    table = joined(*halves)
    columns = list(next(iter(table.values())))
    shown = RichTable("check", *columns)
    for check, row in table.items():
        shown.add_row(check, *(row[column] for column in columns))
    Console().print(shown)
    return 1 if failures(table) else 0


if __name__ == "__main__":
    sys.exit(main())
