"""A gate in front of a fake model's steps, so that a test decides what happens between two of them."""

from __future__ import annotations

import threading

_WAIT_S = 30.0
"""A test that waits longer than this is stuck, and should say where."""


class Gate:
    """Closed at first: each step waits in front of it until it is let through."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._permits = 0
        self._is_open = False
        self._in_front = 0

    def pass_through(self) -> None:
        """Wait for permission; called by the fake in the model's thread."""
        with self._changed:
            self._in_front += 1
            self._changed.notify_all()
            has_passed = self._changed.wait_for(lambda: self._is_open or self._permits > 0, _WAIT_S)
            self._in_front -= 1
            assert has_passed, f"nobody opened the gate within {_WAIT_S:g} s"
            self._permits -= not self._is_open

    def let_through(self, steps: int = 1) -> None:
        """Let so many steps through."""
        with self._changed:
            self._permits += steps
            self._changed.notify_all()

    def open(self) -> None:
        """Let everything through from now on."""
        with self._changed:
            self._is_open = True
            self._changed.notify_all()

    @property
    def is_used_up(self) -> bool:
        """A step stands in front of it, and no permit is left."""
        with self._changed:
            return self._in_front > 0 and self._permits == 0

    def wait_until_used_up(self) -> None:
        """Block until a step stands in front of the closed gate, all permits used; run it off the event loop."""
        with self._changed:
            stands = self._changed.wait_for(lambda: self._in_front > 0 and self._permits == 0, _WAIT_S)
            assert stands, f"no step came to the gate within {_WAIT_S:g} s"
