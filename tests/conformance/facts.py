"""What a server under test is asked with, and what must come back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import harken

SAMPLES = Path(harken.__file__).parent / "samples"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A server and what is known of it.

    Attributes:
        server: its address, without `/v1`.
        key: an API key that it accepts; "" where it has none.
        file: a recording.
        text: what is said in it; "" where only the shape of answers is looked at.
        language: the code of its language.
        large: bytes that are too many for the server; 0 leaves the check out.
        broken: a recording whose beginning can be transcribed and whose rest cannot; "" leaves the check out.
    """

    server: str
    key: str = ""
    file: str = str(SAMPLES / "english-05.ogg")
    text: str = ""
    language: str = "en"
    large: int = 0
    broken: str = ""

    def to_json(self) -> str:
        """For the Node half."""
        return json.dumps(asdict(self))


NAMES = tuple(field.name for field in fields(Facts))


class Skip(Exception):
    """A check that this server cannot be asked; says why."""


def text_of(file: str) -> str:
    """What is said in one of the package's samples; "" for any other file."""
    manifest = json.loads((SAMPLES / "manifest.json").read_text(encoding="utf-8"))
    return next((str(one["text"]) for one in manifest if one["file"] == Path(file).name), "")
