"""The context of a recording: what the client says beforehand about names and terms, made one text. Pure.

Three fields of the API mean the same to the model: a prompt, a context and a list of hot words all go into the system
turn. Owns how they are joined and how much of them there may be; tokens of the chat template are removed where the
prompt is written, and what still is too long for the model is refused there too.
"""

from __future__ import annotations

from collections.abc import Sequence

from harken.errors import UnsupportedOption

KEYWORDS_MAX = 1000
"""Hot words of one request. Users report that the effect fades with far fewer."""

CONTEXT_CHARS_MAX = 40_000
"""Characters of the whole context: about the 10,000 tokens that the model was trained for, in English."""


def context_of(prompt: str, context: str, keywords: Sequence[str]) -> str:
    """Join what the client says beforehand: prompt, context, then the keywords in one line, separated by commas.

    Blank parts vanish; a keyword that comes twice is written once; white space inside a keyword becomes one space.

    Raises:
        UnsupportedOption: too many keywords or characters; `field` names the part that is too long.
    """
    words = list(dict.fromkeys(filter(None, (" ".join(keyword.split()) for keyword in keywords))))
    if len(words) > KEYWORDS_MAX:
        raise UnsupportedOption(
            f"{len(words)} keywords are too many; at most {KEYWORDS_MAX} are taken.", field="keywords"
        )
    parts = {"prompt": prompt.strip(), "context": context.strip(), "keywords": ", ".join(words)}
    joined = "\n".join(part for part in parts.values() if part)
    if len(joined) > CONTEXT_CHARS_MAX:
        raise UnsupportedOption(
            f"{len(joined)} characters of context are too many; at most {CONTEXT_CHARS_MAX} are taken.",
            field=max(parts, key=lambda name: len(parts[name])),
        )
    return joined
