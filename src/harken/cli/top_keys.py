"""Keys by name, out of the bytes that a terminal sends. Pure but for what is not whole yet.

A letter is itself; the others have names ("up", "enter"). The invariant: a sequence that is not known is one key that
nothing is meant by, never the letters that it is written with.
"""

from __future__ import annotations

import re

_NAMES = {
    b"A": "up",
    b"B": "down",
    b"H": "home",
    b"F": "end",
    b"1~": "home",
    b"4~": "end",
    b"5~": "page up",
    b"6~": "page down",
    b"7~": "home",
    b"8~": "end",
}
_CONTROLS = {b"\r": "enter", b"\n": "enter", b"\x7f": "backspace", b"\x08": "backspace", b"\x0c": "redraw"}
_KEY = re.compile(
    rb"\x1b(?:\[(?P<csi>[0-?]*[ -/]*[@-~])|O(?P<ss3>[@-~])|(?P<alt>[^\[O\x1b]))|(?P<one>[^\x1b])", re.DOTALL
)
_BEGUN = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|O)?\Z")
_HELD_BYTES = 32


class Keys:
    """What was typed."""

    def __init__(self) -> None:
        self._held = b""

    @property
    def is_waiting(self) -> bool:
        """Whether something has begun whose end has not come: the key Escape alone, or a sequence in two parts."""
        return bool(self._held)

    def feed(self, typed: bytes) -> list[str]:
        """Take bytes, and return the keys that are whole."""
        rest, names = self._held + typed, []
        self._held = b""
        while rest:
            found = _KEY.match(rest)
            if found is None:
                if _BEGUN.match(rest) and len(rest) < _HELD_BYTES:
                    self._held = rest
                    break
                rest = rest[1:]
                continue
            rest = rest[found.end() :]
            names.append(_name(found))
        return [name for name in names if name]

    def give_up(self) -> list[str]:
        """Nothing more came: what had begun was the key Escape."""
        was, self._held = self._held, b""
        return ["escape"] if was else []


def _name(found: re.Match[bytes]) -> str:
    sequence = found["csi"] or found["ss3"]
    if sequence:
        return _NAMES.get(sequence, "")
    one = found["one"]
    if not one:
        return ""
    if one in _CONTROLS:
        return _CONTROLS[one]
    return one.decode() if one.isascii() and one.decode().isprintable() else ""
