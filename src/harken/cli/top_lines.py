"""Lines of text for a picture: cut where the terminal ends, and free of what a terminal would obey. Pure.

The invariant: whatever a server says is shown, never read as markup or as a command to the terminal; and in plain
characters a line is as wide as before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

COLOURS = {"good": "green", "busy": "cyan", "warn": "yellow", "bad": "bold red", "off": "dim"}
LEVELS = "▁▂▃▄▅▆▇█"
FULL, EMPTY = "█", "░"
_ASCII = str.maketrans(
    dict(zip(LEVELS, "_.-=+*%#", strict=True)) | {EMPTY: ".", "×": "x", "–": "-", "·": "-", "…": "~"}
)
_BEYOND = re.compile(r"[^\x00-\x7f]")


def plain(text: object) -> str:
    """Without what a terminal would obey."""
    return "".join(character if character.isprintable() else "?" for character in str(text))


def line(*parts: tuple[str, str] | str) -> Text:
    """A line that is cut where the terminal ends; parts are text, or text and style."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for part in parts:
        text.append(*((part,) if isinstance(part, str) else part))
    return text


def wrapped(sentence: str, *, width: int, most: int, style: str = "") -> list[Text]:
    """A sentence over several lines, broken between words."""
    lines = [""]
    for word in plain(sentence).split():
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and cell_len(longer) > width and len(lines) < most:
            lines.append(word)
        else:
            lines[-1] = longer
    return [line((one, style)) for one in lines]


class PlainCharacters:
    """The same in ASCII.

    Args:
        inner: what is shown.
    """

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        yield from self._plain(console.render(self._inner, options))

    @staticmethod
    def _plain(segments: Iterable[Segment]) -> Iterable[Segment]:
        for text, style, control in segments:
            shown = text if control else _BEYOND.sub(_marks, text.translate(_ASCII))
            yield Segment(shown, style or Style.null(), control)


def _marks(found: re.Match[str]) -> str:
    return "?" * cell_len(found[0])
