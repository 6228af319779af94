"""The model's answer: a header that names the language, then the text.

Owns the format `language English<asr_text>three one four` (facts, section 1.8): `language None` where nothing was
spoken, several names with commas where languages mix, no header at all where the client forced a language. Models get
it wrong now and then: no mark, two marks, a header in the middle. So the rules, the same for finished answers and for
those still being written, are: a header goes, wherever it stands before a mark; at the beginning it also goes without
one; marks go; whatever else was written is text. "language None" says nothing about the text behind it, which stays.
The invariant: no reader ever sees a mark or a header. Pure; repetitions are not its business.
"""

from __future__ import annotations

import re

from harken.languages import NAMES

TEXT_MARK = "<asr_text>"
"""Stands between the header that names the language and the text; one token of its own."""

_WORD = "language"
_NONE = "None"
_SPELLED = {name.lower(): name for name in (*NAMES, _NONE)}
_LIST = rf"(?:{'|'.join(_SPELLED)})(?:\s*,\s*(?:{'|'.join(_SPELLED)}))*"
_ANY_CASE = re.IGNORECASE | re.ASCII  # ASCII, lest "Engli\u017fh" be taken for a name
_AT_BEGIN = re.compile(rf"\s*{_WORD}\s+({_LIST})(?!\w)", _ANY_CASE)
_AT_END = re.compile(rf"(?:{_WORD}\s+{_LIST}\s*)+$", _ANY_CASE)
_EMPTY = re.compile(rf"\s*(?:{_WORD}\s*\w*)?\s*", _ANY_CASE)
_BARE = re.compile(rf"\s*{_LIST}\s*", _ANY_CASE)
_BEGUN = re.compile(rf"{_WORD}(?!.*{_WORD})", _ANY_CASE | re.DOTALL)
_NAME = re.compile(rf"\b(?:{'|'.join(_SPELLED)})\b", _ANY_CASE)


def parse_answer(raw: str, *, forced: str | None = None) -> tuple[str, str]:
    """Separate the text from the language.

    Args:
        raw: the decoded answer, whole or as far as it is written.
        forced: the language that the prompt's end has named already.

    Returns:
        The text without space at its ends, and the language: the forced one; else a name, or several with commas
        in the order of their first appearance; "" for none or an unreadable header.
    """
    *before, last = raw.split(TEXT_MARK)
    texts: list[str] = []
    names: list[str] = []
    for part in before:
        text, found = _before_mark(part, is_first=not texts, forced=forced)
        texts.append(text)
        names += found
    if not before:
        last, names = _without_mark(last, forced=forced)
    language = forced or ",".join(dict.fromkeys(name for name in names if name != _NONE))
    return "".join((*texts, last)).strip(), language


class AnswerReader:
    """Reads an answer that is still being written, piece by piece.

    All that `read` returned, and what is still to come, are together the text of `parse_answer`, but for white space at
    its ends. Only what may become a header is kept, so that the work for a piece does not grow with the text.

    Args:
        forced: the language that the prompt's end has named already.
    """

    def __init__(self, *, forced: str | None = None) -> None:
        self._forced = forced
        self._kept = ""
        self._is_text = False

    def read(self, piece: str) -> str:
        """Take the next piece of the raw answer; return the text that nothing can change any more."""
        self._kept += piece
        settled = ""
        while TEXT_MARK in self._kept:
            part, _, self._kept = self._kept.partition(TEXT_MARK)
            settled += _before_mark(part, is_first=not self._is_text, forced=self._forced)[0]
            self._is_text = True
        if not self._is_text:
            # Without a mark nobody knows before the end whether there will be one, unless none is due.
            begin = self._kept[: len(self._kept) - _mark_begun(self._kept)]
            if self._forced is None or _EMPTY.fullmatch(begin) or _may_become_header(begin):
                return ""
            self._kept, _ = _without_mark(self._kept, forced=self._forced)
            self._is_text = True
        end = _settled_end(self._kept)
        settled, self._kept = settled + self._kept[:end], self._kept[end:]
        return settled


def _before_mark(part: str, *, is_first: bool, forced: str | None) -> tuple[str, list[str]]:
    """Take the header away from what stands before a mark; returns what is left, and the names in the header."""
    names: list[str] = []
    if is_first:
        if _EMPTY.fullmatch(part) or (forced is None and _BARE.fullmatch(part)):
            return "", _names(part)
        part, names = _without_begin(part, forced=forced)
    if match := _AT_END.search(part):
        return part[: match.start()], names + _names(match[0])
    return part, names


def _without_mark(raw: str, *, forced: str | None) -> tuple[str, list[str]]:
    """Take the header away from an answer that has no mark."""
    if forced is None and _may_become_header(raw):
        return "", []
    return _without_begin(raw, forced=forced)


def _without_begin(raw: str, *, forced: str | None) -> tuple[str, list[str]]:
    """Take a header away that has no mark behind it.

    Where the language is forced none is due, so that only one in the exact spelling is taken for one.
    """
    match = _AT_BEGIN.match(raw)
    if match is None or (forced is not None and not _is_exact(match)):
        return raw, []
    return raw[match.end() :], _names(match[1])


def _names(header: str) -> list[str]:
    return [_SPELLED[name.lower()] for name in _NAME.findall(header)]


def _is_exact(match: re.Match[str]) -> bool:
    return match[0].strip().startswith(_WORD) and _NAME.findall(match[1]) == _names(match[1])


def _may_become_header(raw: str) -> bool:
    """Tell whether a header could begin like this; a whole header without its mark could, too."""
    written = raw.lstrip().lower()
    if len(written) <= len(_WORD):
        return _WORD.startswith(written)
    names = written.removeprefix(_WORD)
    if names == written or not names[0].isspace():
        return False
    *done, last = names[: len(names) - _mark_begun(names)].strip().split(",")
    return all(name.strip() in _SPELLED for name in done) and any(name.startswith(last.strip()) for name in _SPELLED)


def _settled_end(raw: str) -> int:
    """Where the part begins that may become a header before a mark, or a mark; `raw` has no mark."""
    begun = _BEGUN.search(raw)
    if begun is not None and _may_become_header(raw[begun.start() :]):
        end = begun.start()
    else:
        begins = (size for size in range(len(_WORD) - 1, 0, -1) if raw[-size:].lower() == _WORD[:size])
        end = len(raw) - next(begins, _mark_begun(raw))
    headers = _AT_END.search(raw, 0, end)
    return end if headers is None else headers.start()


def _mark_begun(raw: str) -> int:
    """Characters at the end that may be the beginning of a mark."""
    return next((size for size in range(len(TEXT_MARK) - 1, 0, -1) if raw.endswith(TEXT_MARK[:size])), 0)
