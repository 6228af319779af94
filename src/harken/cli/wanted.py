"""What the flags of `transcribe` and `jobs submit` ask of a recording: as form fields, and understood.

The same reading as a request's (`harken.api.fields`), so that a recording is treated alike in this process and on a
server.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.errors import ConfigError
from harken.transcribe.form import Form

FORMATS = ("txt", "json", "verbose_json", "srt", "vtt")

SUFFIXES = {"txt": ".txt", "json": ".json", "verbose_json": ".json", "srt": ".srt", "vtt": ".vtt"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """The flags.

    Attributes:
        output: one of `FORMATS`.
        language: a name or code, or "auto".
        prompt: what is said beforehand.
        hotwords: names and terms, separated by commas.
        words: with the times of words.
    """

    output: str = "txt"
    language: str = "auto"
    prompt: str = ""
    hotwords: str = ""
    words: bool = False

    @property
    def form(self) -> Form:
        """The format that is asked of the transcriber; text is taken out of JSON, which says more."""
        return Form.JSON if self.output == "txt" else Form(self.output)

    def check(self) -> None:
        """Look at the flags before anything is started.

        Raises:
            ConfigError: an unknown format, or words in one that has no times.
        """
        if self.output not in FORMATS:
            raise ConfigError(f"--format must be one of {', '.join(FORMATS)}, not {self.output!r}.")
        if self.words and self.form is Form.JSON:
            raise ConfigError("--words needs a format that has times: verbose_json, srt or vtt.")

    def values(self) -> list[tuple[str, str]]:
        """The fields of a form that asks for this."""
        given = {
            "response_format": self.form.value,
            "language": "" if self.language == "auto" else self.language,
            "prompt": self.prompt,
            "hotwords": self.hotwords,
            "timestamp_granularities[]": "word" if self.words else "",
        }
        fields = [(name, value) for name, value in given.items() if value]
        if self.words:
            fields.append(("timestamp_granularities[]", "segment"))
        return fields
