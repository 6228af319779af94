"""The `harken` command: the only place that wires concrete things.

Each command's heavy imports happen inside it: `harken status` must not wait for torch, nor `harken up`.
"""

from __future__ import annotations

import sys

from harken.errors import HarkenError


def main() -> None:
    """Run the command line; a known failure becomes one line on standard error and an exit code.

    Exit codes: 0 done, 1 something asked for failed, 2 wrong usage or configuration, 3 Harken cannot start.
    """
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


def _quit(error: HarkenError, code: int) -> None:
    print(f"harken: {error.message} [{error.code}]", file=sys.stderr)
    sys.exit(code)
