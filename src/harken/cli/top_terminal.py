"""The terminal while something is shown on all of it: its mode, its keys, and the signals that come from it.

Owns both the mode and the picture's coming and going, because they belong together: stopped with Ctrl-Z, the shell must
find its own terminal. The invariant: on every path out, by key, signal or error, the terminal is as it was before.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, Protocol

from harken.cli.top_keys import Keys

_ESCAPE_S = 0.1
"""How long the rest of a sequence may be on its way."""


class Shown(Protocol):
    """What is on the screen; rich's Live is one."""

    def start(self) -> None:
        """Take the screen."""

    def stop(self) -> None:
        """Give it back."""


class Terminal:
    """Entered, the screen is ours.

    Args:
        shown: taken with it.
        on_key: hears of each key, on the event loop.
        on_change: it has another size, or another picture is on it.
        on_end: a signal asks to leave; its number.
    """

    def __init__(
        self,
        shown: Shown,
        *,
        on_key: Callable[[str], None],
        on_change: Callable[[], None],
        on_end: Callable[[int], None],
    ) -> None:
        self._shown = shown
        self._on_key = on_key
        self._on_change = on_change
        self._on_end = on_end
        self._keys = Keys()
        self._stack = ExitStack()
        self._mode: list[Any] | None = None

    def __enter__(self) -> Terminal:
        """Take it."""
        with ExitStack() as stack:
            if sys.platform != "win32":
                self._read_keys(stack)
                self._heed_signals(stack)
            self._shown.start()
            stack.callback(self._shown.stop)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._stack.close()

    def _read_keys(self, stack: ExitStack) -> None:
        import termios

        if not sys.stdin.isatty():
            return
        loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()
        self._mode = termios.tcgetattr(descriptor)
        stack.callback(self._give_mode_back)
        self._take_mode()
        loop.add_reader(descriptor, self._read, descriptor)
        stack.callback(loop.remove_reader, descriptor)

    def _take_mode(self) -> None:
        import termios
        import tty

        if self._mode is not None:
            # Ctrl-C and Ctrl-Z stay what they are; and what was typed meanwhile is not thrown away.
            tty.setcbreak(sys.stdin.fileno(), termios.TCSANOW)

    def _give_mode_back(self) -> None:
        import termios

        if self._mode is not None:
            with suppress(termios.error):  # the terminal itself is gone
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._mode)

    def _read(self, descriptor: int) -> None:
        try:
            typed = os.read(descriptor, 1024)
        except OSError:
            typed = b""
        loop = asyncio.get_running_loop()
        if not typed:  # the terminal is gone
            loop.remove_reader(descriptor)
        for key in self._keys.feed(typed):
            self._on_key(key)
        if self._keys.is_waiting:
            loop.call_later(_ESCAPE_S, self._give_up)

    def _give_up(self) -> None:
        for key in self._keys.give_up():
            self._on_key(key)

    def _heed_signals(self, stack: ExitStack) -> None:
        loop = asyncio.get_running_loop()
        heeded: dict[int, Callable[[], None]] = {
            number: lambda number=number: self._on_end(number)  # type: ignore[misc] # bound at once
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
        }
        heeded |= {
            signal.SIGTSTP: self._pause,
            signal.SIGCONT: self._resume,
            signal.SIGWINCH: self._on_change,
        }
        for number, heed in heeded.items():
            before = signal.getsignal(number)
            if before is signal.SIG_IGN:  # as nohup wants it
                continue
            loop.add_signal_handler(number, heed)
            stack.callback(loop.remove_signal_handler, number)

    def _pause(self) -> None:
        """Stop as if nobody had heeded the signal, and go on here when the shell says so."""
        loop = asyncio.get_running_loop()
        self._shown.stop()
        self._give_mode_back()
        loop.remove_signal_handler(signal.SIGTSTP)
        # To this thread: it has stopped before the next line runs, however many others there are.
        signal.raise_signal(signal.SIGTSTP)
        loop.add_signal_handler(signal.SIGTSTP, self._pause)
        self._take_mode()
        self._shown.start()
        self._on_change()

    def _resume(self) -> None:
        """After a stop that could not be heeded (SIGSTOP) the shell may have left its own mode."""
        self._take_mode()
        self._on_change()
