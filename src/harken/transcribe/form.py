"""The formats in which a result can be written: `Form`, and the written thing: `Rendered`.

Words only, so that whoever reads options need not load the writers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    """OpenAI's `response_format`."""

    JSON = "json"
    TEXT = "text"
    SRT = "srt"
    VERBOSE_JSON = "verbose_json"
    VTT = "vtt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """A result written out.

    Attributes:
        media_type: with its charset where it is text.
        body: UTF-8.
    """

    media_type: str
    body: bytes
