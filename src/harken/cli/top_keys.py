"""Single keys from a terminal, while something is shown on it.

Owns the terminal's mode. The invariant: on every path out of the block the terminal is as it was before.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def single_keys(on_key: Callable[[str], None]) -> Iterator[None]:
    """Have `on_key` called on the event loop for each key; does nothing where standard input is no terminal."""
    if not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    loop = asyncio.get_running_loop()

    def read() -> None:
        keys = os.read(descriptor, 64)
        if not keys:  # the terminal is gone
            loop.remove_reader(descriptor)
        for key in keys.decode(errors="ignore"):
            on_key(key)

    tty.setcbreak(descriptor)  # Ctrl-C and Ctrl-Z stay what they are
    loop.add_reader(descriptor, read)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
