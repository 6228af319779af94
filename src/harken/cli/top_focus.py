"""What somebody at the keyboard looks at and is being asked. Pure: a focus and a key in, the next focus out.

An instance is chosen by its name, so it stays chosen wherever its line goes. The invariant: nothing is changed before
it was asked and said yes to; any other key takes the question back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harken.cli.top_wish import COUNT_MAX, Wish

_STEPS = {"up": -1, "k": -1, "down": 1, "j": 1, "page up": -10, "page down": 10}
_CHANGES = {"s": "scale", "d": "drain", "r": "restart"}
_DIGITS_MAX = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Focus:
    """It.

    Attributes:
        chosen: the name of an instance, or "".
        asked: what is asked about, or None.
        typed: the number that is being typed for it.
        says: a sentence for whoever is there: how a change went, or why a key did nothing.
    """

    chosen: str = ""
    asked: Wish | None = None
    typed: str = ""
    says: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fleet:
    """What keys act on.

    Attributes:
        names: of the instances, as they are shown.
        can_change: there are instances of its own to change.
        running: what was asked for here and is not done yet, or "".
    """

    names: Sequence[str] = ()
    can_change: bool = False
    running: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What a key does.

    Attributes:
        focus: from now on.
        wish: to be made now, or None.
        is_over: somebody leaves.
    """

    focus: Focus
    wish: Wish | None = None
    is_over: bool = False


def press(focus: Focus, key: str, fleet: Fleet) -> Step:
    """Say what a key does."""
    if focus.asked is not None:
        return _answered(focus, focus.asked, key, fleet)
    quiet = replace(focus, says="")
    if key in ("q", "Q"):
        return Step(focus=quiet, is_over=True)
    if key in _STEPS or key in ("home", "end", "g", "G"):
        return Step(focus=replace(quiet, chosen=_next(focus.chosen, key, fleet.names)))
    if key == "escape":
        return Step(focus=replace(quiet, chosen=""))
    if key in _CHANGES:
        return Step(focus=_asked(quiet, _CHANGES[key], fleet))
    return Step(focus=quiet)


def still(focus: Focus, names: Sequence[str], before: Sequence[str]) -> Focus:
    """Where the chosen one is gone, its neighbour is chosen."""
    if not focus.chosen or focus.chosen in names:
        return focus
    place = before.index(focus.chosen) if focus.chosen in before else 0
    return replace(focus, chosen=names[min(place, len(names) - 1)] if names else "")


def _next(chosen: str, key: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    if key in ("home", "g"):
        return names[0]
    if key in ("end", "G"):
        return names[-1]
    if chosen not in names:
        return names[-1 if key in ("up", "k", "page up") else 0]
    return names[max(0, min(len(names) - 1, names.index(chosen) + _STEPS[key]))]


def _asked(focus: Focus, kind: str, fleet: Fleet) -> Focus:
    if not fleet.can_change:
        return replace(focus, says="This server has no instances of its own to change.")
    if fleet.running:
        return replace(focus, says=f"{fleet.running} One change is made at a time.")
    if kind == "scale":
        return replace(focus, asked=Wish(kind=kind, count=len(fleet.names)), typed="")
    if focus.chosen not in fleet.names:
        return replace(focus, says="Choose an instance first: the arrows, or j and k.")
    return replace(focus, asked=Wish(kind=kind, name=focus.chosen))


def _answered(focus: Focus, asked: Wish, key: str, fleet: Fleet) -> Step:
    if asked.kind == "scale":
        return _count(focus, asked, key, fleet)
    return Step(focus=replace(focus, asked=None), wish=asked if key in ("y", "Y") else None)


def _count(focus: Focus, asked: Wish, key: str, fleet: Fleet) -> Step:
    """While the number of instances is typed."""
    if len(key) == 1 and key in "0123456789":
        return Step(focus=replace(focus, typed=(focus.typed + key)[:_DIGITS_MAX], says=""))
    if key == "backspace":
        return Step(focus=replace(focus, typed=focus.typed[:-1], says=""))
    if key != "enter" or not focus.typed:
        return Step(focus=replace(focus, asked=None, typed="", says=""))
    count = int(focus.typed)
    if not 1 <= count <= COUNT_MAX or count == len(fleet.names):
        why = "That many there are." if count == len(fleet.names) else f"It is 1 to {COUNT_MAX:,}."
        return Step(focus=replace(focus, typed="", says=why))
    return Step(focus=replace(focus, asked=None, typed="", says=""), wish=replace(asked, count=count))
