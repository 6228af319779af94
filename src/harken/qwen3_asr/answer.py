"""The model's answer: a header that names the language, then the text.

Owns the format `language English<asr_text>three one four` (facts, section 1.8): `language None` where nothing was
spoken, several names with commas where languages mix, no header at all where the client forced a language. Pure. It
also reads an answer that is still being written: as long as that may be the beginning of a header, the text is empty,
so that no reader ever sees a piece of a header. Repetitions are not its business.
"""

from __future__ import annotations

from harken.languages import NAMES
from harken.qwen3_asr.tokenizer import TEXT_MARK

_WORD = "language"
_NONE = "None"


def parse_answer(raw: str, *, forced: str | None = None) -> tuple[str, str]:
    """Separate the text from the language.

    Args:
        raw: the decoded answer, whole or as far as it is written.
        forced: the language that the prompt's end has named already.

    Returns:
        The text without space at its ends, and the language: the forced one; else a name, or several with commas
        in the order of their first appearance; "" for none or an unreadable header.
    """
    header, mark, text = raw.partition(TEXT_MARK)
    if not mark:
        is_text = forced is not None or not _may_become_header(raw)
        return (raw.strip() if is_text else ""), forced or ""
    if forced is not None:
        # It was told the language and may say it again; what stands before the mark is text unless it is a header.
        is_repeated = not header.strip() or header.strip().lower().startswith(_WORD + " ")
        return (text if is_repeated else header + text).strip(), forced
    return text.strip(), _languages(header)


def _may_become_header(raw: str) -> bool:
    """Tell whether a header could begin like this; a whole header without its mark could, too."""
    written = raw.lstrip()
    if len(written) <= len(_WORD):
        return _WORD.startswith(written)
    word, _, names = written.partition(" ")
    if word != _WORD:
        return False
    *done, last = names.strip().split(",")
    choices = (*NAMES, _NONE)
    return all(name.strip() in choices for name in done) and any(name.startswith(last.strip()) for name in choices)


def _languages(header: str) -> str:
    """Read `language A,B`; a name is brought to title case, repeated ones are said once."""
    lines = header.strip().splitlines()
    line = lines[0].strip() if lines else ""
    if line.lower().startswith(_WORD):
        line = line[len(_WORD) :]
    names = (name.strip().capitalize() for name in line.split(","))
    return ",".join(dict.fromkeys(name for name in names if name and name != _NONE))
