"""Which recordings a person means: files, folders, and manifests with what is said in them.

A manifest is JSON lines as NeMo and Hugging Face write them (or one JSON array of the same objects), or a table with a
head, by commas or tabs, as Common Voice's. It only names recordings; nobody opens them here. The invariant: what cannot
be understood is an error with the file and the line, never a recording less.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harken.errors import ConfigError, UnknownLanguage
from harken.languages import parse_language

SUFFIXES = frozenset({
    ".3gp", ".aac", ".aif", ".aiff", ".amr", ".caf", ".flac", ".m4a", ".m4b", ".mka", ".mkv", ".mov", ".mp3", ".mp4",
    ".oga", ".ogg", ".opus", ".wav", ".webm", ".wma",
})  # fmt: skip
"""What is taken for a recording in a folder; a file that is named is taken whatever it is called."""

_TABLES = {".csv": ",", ".tsv": "\t"}
_LINES = frozenset({".jsonl", ".ndjson", ".json"})
_PATHS = ("audio_filepath", "audio", "file", "file_name", "path", "wav")
_TEXTS = ("text", "sentence", "transcript", "transcription")
_LANGUAGES = ("language", "lang", "locale")


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A recording that was named.

    Attributes:
        path: of the file.
        text: what is said in it; None where nobody says.
        language: its name, or what was written where that is none of ours; "" where nobody says.
        offset_s: where it begins in the file; None: the file is the recording.
        duration_s: how long it is from there; None for the rest of the file.
    """

    path: Path
    text: str | None = None
    language: str = ""
    offset_s: float | None = None
    duration_s: float | None = None


def listed(paths: Sequence[Path]) -> list[Listed]:
    """Name all recordings, in the order of the paths; those of a folder by name.

    Raises:
        ConfigError: a folder or a manifest holds none, cannot be read, or a row cannot be understood.
    """
    found: list[Listed] = []
    for path in paths:
        try:
            rows = list(_of(path))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}: is no text in UTF-8, as a manifest must be.") from error
        if not rows:
            raise ConfigError(f"{path}: there is no recording in it.")
        found += rows
    return found


def _of(path: Path) -> Iterator[Listed]:
    suffix = path.suffix.lower()
    if path.is_dir():
        inside = sorted(one for one in path.rglob("*") if one.suffix.lower() in SUFFIXES)
        yield from (Listed(path=one) for one in inside if one.is_file())
    elif suffix in _TABLES:
        yield from _from_table(path, _TABLES[suffix])
    elif suffix in _LINES:
        yield from _from_json(path)
    else:
        yield Listed(path=path)


def _from_table(path: Path, delimiter: str) -> Iterator[Listed]:
    # Common Voice's sentences hold quotation marks that open nothing.
    has_quotes = delimiter == ","
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if has_quotes else csv.QUOTE_NONE)
        try:
            for row in rows:
                # An empty cell says nothing, where an empty text in JSON says that nothing is said.
                yield _row(path, rows.line_num, {name: value for name, value in row.items() if value})
        except csv.Error as error:
            raise ConfigError(f"{path}, line {rows.line_num}: {error}.") from error


def _from_json(path: Path) -> Iterator[Listed]:
    text = path.read_text(encoding="utf-8-sig")
    if text.lstrip().startswith("["):
        for number, row in enumerate(_parsed(path, 1, text), 1):
            yield _row(path, number, row)
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _row(path, number, _parsed(path, number, line))


def _parsed(path: Path, number: int, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}, line {number}: is not JSON.") from error


def _row(manifest: Path, number: int, row: object) -> Listed:
    if not isinstance(row, Mapping):
        raise ConfigError(f"{manifest}, line {number}: is no object with a recording in it.")
    name = _first(row, _PATHS)
    if isinstance(name, Mapping):  # Hugging Face's {"path": ..., "bytes": ...}
        name = name.get("path")
    if not isinstance(name, str) or not name or "\0" in name:
        raise ConfigError(f"{manifest}, line {number}: names no recording; one of {', '.join(_PATHS)} must.")
    text, language = _first(row, _TEXTS), _first(row, _LANGUAGES)
    return Listed(
        path=_place(manifest.parent, name),
        text=text if isinstance(text, str) else None,
        language=_language(language) if isinstance(language, str) else "",
        offset_s=_seconds(manifest, number, row, "offset"),
        duration_s=_seconds(manifest, number, row, "duration"),
    )


def _first(row: Mapping[Any, Any], names: Sequence[str]) -> object:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _place(folder: Path, name: str) -> Path:
    """Common Voice keeps its files in a folder beside the table, and does not say so."""
    beside, clips = folder / name, folder / "clips" / name
    return clips if not beside.exists() and clips.exists() else beside


def _language(written: str) -> str:
    try:
        return parse_language(written) or ""
    except UnknownLanguage:
        return written.strip()


def _seconds(manifest: Path, number: int, row: Mapping[Any, Any], name: str) -> float | None:
    value = row.get(name)
    if value is None or value == "":
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds < 1e9:
        raise ConfigError(f"{manifest}, line {number}: {name} must be seconds, not {str(value)[:40]!r}.")
    return seconds
