"""What is known of each recording at the end, and how it is printed or written to files."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harken.cli.harmless import printable, printable_json, printable_text
from harken.cli.wanted import SUFFIXES, Wanted
from harken.errors import ConfigError
from harken.transcribe.form import Form

_AS_TEXT = ("srt", "vtt")


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What became of one recording.

    Attributes:
        file: as the person wrote it.
        fields: what is known of it, for JSON; `text` is in it.
        body: subtitles, where they were asked for.
        error: why there is no result; "" for none.
        code: the error's stable code.
    """

    file: str
    fields: dict[str, Any] = field(default_factory=dict)
    body: str = ""
    error: str = ""
    code: str = ""

    def as_json(self) -> dict[str, Any]:
        """Its line in a JSON list."""
        return {"file": self.file, **(self.fields if not self.error else {"error": self.error, "code": self.code})}

    def written(self, output: str) -> str:
        """Its result in a format, with a line's end."""
        if output in _AS_TEXT:
            return self.body
        return f"{self.fields['text']}\n" if output == "txt" else json.dumps(self.as_json(), ensure_ascii=False) + "\n"


def report_of(file: str, wanted: Wanted, body: dict[str, object], raw: str, instances: list[str]) -> Report:
    """Make a report of a result in the format that was wanted."""
    match wanted.form:
        case Form.JSON:
            usage = body.get("usage")
            fields = {
                "text": body["text"],
                "language": body.get("language", ""),
                "audio_s": usage.get("seconds") if isinstance(usage, dict) else None,
                "is_complete": not body.get("warnings"),
                "instances": instances,
            }
            return Report(file=file, fields=fields)
        case Form.VERBOSE_JSON:
            return Report(file=file, fields=dict(body))
        case _:
            return Report(file=file, body=raw)


def check_output(output: str, folder: Path | None, files: int) -> None:
    """Look before the work whether the results will have a place.

    Raises:
        ConfigError: subtitles of several recordings without a folder, or a folder that cannot be made.
    """
    if output in _AS_TEXT and files > 1 and folder is None:
        raise ConfigError(f"--format {output} of several recordings needs --output FOLDER: a file for each.")
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"--output {folder} cannot be made: {error.strerror}.") from error


def tell(reports: Sequence[Report], output: str, folder: Path | None) -> int:
    """Print or write all results, complaints to standard error; the exit code is 1 when one of them failed."""
    if folder is None and output in ("json", "verbose_json"):
        print(printable_json([report.as_json() for report in reports], indent=2))
    names = _names([report.file for report in reports], SUFFIXES[output])
    for report, name in zip(reports, names, strict=True):
        if report.error:
            print(f"harken: {printable(report.file)}: {_told(report)}", file=sys.stderr)
        elif folder is not None:
            (folder / name).write_text(report.written(output), encoding="utf-8", errors="replace")
        elif output in _AS_TEXT:
            print(printable_text(report.written(output)), end="")
        elif output == "txt":
            text = printable_text(str(report.fields["text"]))
            print(text if len(reports) == 1 else f"{printable(report.file)}\t{text}")
    return 1 if any(report.error for report in reports) else 0


def _told(report: Report) -> str:
    return f"{printable_text(report.error)} [{printable(report.code)}]"


def _names(files: Sequence[str], suffix: str) -> list[str]:
    """A file name for each result: the recording's with another suffix, or behind it where two would be the same."""
    short = [Path(file).stem + suffix for file in files]
    full = [Path(file).name + suffix for file in files]
    names: list[str] = []
    for number, name in enumerate(short):
        chosen = name if short.count(name) == 1 else full[number]
        names.append(chosen if chosen not in names else f"{number}-{chosen}")
    return names
