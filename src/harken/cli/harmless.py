"""What others wrote, made fit for a terminal: a server's texts, names, states and errors.

Pure. It knows no command. The invariant: nothing in what it returns is obeyed by a terminal (control characters, and
those that reorder or hide what is beside them), and nothing is lost: what must not come through is shown escaped.
"""

from __future__ import annotations

import json
import re
from typing import Any

_OBEYED = re.compile(
    "\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Of a text. The joiners of Persian and Hindi, the marks of direction and wide spaces belong to writing, and stay."""


def printable(text: str) -> str:
    """A name or a sentence, in one line, with everything escaped that a terminal might obey."""
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def printable_text(text: str) -> str:
    """A text of several lines, such as a transcript: its line ends and tabs stay."""
    return _OBEYED.sub(lambda found: _escaped(found.group()), text)


def printable_json(value: Any, *, indent: int | None = None) -> str:
    """A value as JSON in its own writing; JSON's own escapes for what a terminal might obey."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _OBEYED.sub(lambda found: json.dumps(found.group())[1:-1], text)


def _escaped(text: str) -> str:
    return text.encode("unicode_escape").decode()
