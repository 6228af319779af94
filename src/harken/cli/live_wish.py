"""What a client wants of a live session, as the query of `/v1/listen` has it. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_SAMPLE_BYTES: Final = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveWish:
    """One session's; its sound is PCM16.

    Attributes:
        server: its address.
        sample_rate: of the sound, in Hz.
        language: a name or a code; "" or "auto" to detect it.
        prompt: names and terms beforehand; "" for none.
        finds_turns: the server finds the turns; else they are committed.
        silence_ms: the pause that ends a turn; None for the server's.
    """

    server: str
    sample_rate: int = 16_000
    language: str = ""
    prompt: str = ""
    finds_turns: bool = True
    silence_ms: int | None = None

    @property
    def query(self) -> dict[str, str]:
        """Of a new session."""
        silence = "" if self.silence_ms is None else str(self.silence_ms)
        query = {
            "sample_rate": str(self.sample_rate),
            "language": self.language,
            "prompt": self.prompt,
            "turn_detection": "" if self.finds_turns else "none",
            "silence_duration_ms": silence,
        }
        return {name: value for name, value in query.items() if value}

    def back(self, session: str, after: int) -> dict[str, str]:
        """Of one that is come back to."""
        return {"sample_rate": str(self.sample_rate), "session": session, "after": str(after)}

    def bytes_in(self, seconds: float) -> int:
        """How many bytes so many seconds have; whole samples."""
        return round(seconds * self.sample_rate) * _SAMPLE_BYTES

    def seconds_of(self, count: int) -> float:
        """How long so many bytes last."""
        return count / _SAMPLE_BYTES / self.sample_rate
