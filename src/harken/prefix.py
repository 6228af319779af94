"""A text that an answer has to begin with: when it may be given, and what pretended engines make of it.

Pure. A real network reads the prefix with its prompt and goes on behind it; what has no network can only behave alike.
The invariant: what is returned begins with the prefix, letter for letter.
"""

from __future__ import annotations

from harken.errors import UnsupportedOption
from harken.types import Options


def refuse_a_prefix_without_language(options: Options) -> None:
    """The text stands behind the language's name in the answer, so that a prefix without one has no place.

    Raises:
        UnsupportedOption: there is a prefix, and no language.
    """
    if options.prefix and options.language is None:
        raise UnsupportedOption("A prefix needs a language: name the one that it is written in.")


def going_on(prefix: str, heard: str) -> str:
    """What is written by one who hears `heard` and is made to begin with `prefix`: as many words count as said."""
    given = prefix.strip()
    return " ".join(filter(None, (given, *heard.split(" ")[len(given.split()) :])))
