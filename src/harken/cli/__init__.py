"""The `harken` command: the only place that wires concrete things.

Each command's heavy imports happen inside it: `harken status` must not wait for torch, nor `harken up`.
"""

from __future__ import annotations

import io
import os
import sys

from harken.errors import HarkenError


def main() -> None:
    """Run the command line; a known failure becomes one line on standard error and an exit code.

    Exit codes: 0 done, 1 something asked for failed, 2 wrong usage or configuration, 3 Harken cannot start.
    """
    _open_closed_streams()
    from harken.cli.output import CannotPrint, standard_output

    try:
        with standard_output():
            _run()
    except CannotPrint as error:
        _quit(error, 1)


def _run() -> None:
    """Run a command; ends with SystemExit."""
    from harken.cli.app import build_app
    from harken.errors import ConfigError, SetupError

    try:
        build_app()()
    except ConfigError as error:
        _quit(error, 2)
    except SetupError as error:
        _quit(error, 3)
    except HarkenError as error:
        _quit(error, 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _open_closed_streams() -> None:
    """Put /dev/null where standard input, output or error is closed.

    Otherwise the next socket would get number 1 or 2, and a stray print would go to a client.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(descriptor, "r" if descriptor == 0 else "w", closefd=False))
    # A name or text that the terminal cannot show is shown escaped; it is no reason to end.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _quit(error: HarkenError, code: int) -> None:
    from harken.cli.harmless import printable, printable_text

    # The words may be a server's.
    print(f"harken: {printable_text(error.message)} [{printable(error.code)}]", file=sys.stderr)
    sys.exit(code)
