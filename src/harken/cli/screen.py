"""The terminal that commands draw on, and whether it shows more than ASCII.

Python takes every output for UTF-8 where the locale is C or POSIX (PEP 538 and 540). That is right for texts, which are
UTF-8 wherever they go, and wrong for what is only drawn: a terminal of that locale shows a frame as rubbish. The
invariant: only drawing depends on this; a text comes out the same in every locale.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from harken.cli.harmless import printable_text

_SIGNS = str.maketrans({"→": "->", "…": "...", "█": "#"})

_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python itself writes into LC_CTYPE where the locale is C."""


class Screen(Console):
    """Rich's console, which draws with ASCII where the locale has nothing else.

    Nothing in what it is given is obeyed by the terminal: who draws on it need not think of what a server may say.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich has it, with everything escaped that a terminal might obey; styles are no part of the text."""
        for segment in super().render(renderable, options):
            is_plain = segment.control is not None or segment.text.isprintable()
            yield segment if is_plain else segment._replace(text=printable_text(segment.text))

    @property
    def encoding(self) -> str:
        """As rich draws by it."""
        encoding = super().encoding
        return encoding if is_unicode(encoding, os.environ, is_mode=bool(sys.flags.utf8_mode)) else "ascii"


def drawn(text: str) -> str:
    """Return the signs that a command draws with, in ASCII where standard output shows nothing else."""
    return text if Screen().encoding != "ascii" else text.translate(_SIGNS)


def is_unicode(encoding: str, environment: Mapping[str, str], *, is_mode: bool) -> bool:
    """Say whether more than ASCII is shown.

    Args:
        encoding: of the output, as Python takes it.
        environment: the variables; of the locale the first that is set counts, and none says nothing.
        is_mode: Python is in its UTF-8 mode.
    """
    if not encoding.lower().startswith("utf"):
        return False
    if environment.get("PYTHONIOENCODING") or environment.get("PYTHONUTF8") == "1":
        return True  # a person said so
    told = [environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")]
    if is_mode and told[1] in _COERCED:
        told[1] = ""
    locale = next(filter(None, told), "")
    name, _, charset = locale.partition("@")[0].partition(".")
    return charset.lower().replace("-", "") == "utf8" if charset else name not in {"C", "POSIX"}
