"""Live transcription as a part of a server's life: there where it is offered, nothing otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from harken.audio import AudioReader
from harken.config import LiveConfig
from harken.errors import HarkenError
from harken.events import Tell
from harken.live.sessions import Sessions
from harken.transcribe.transcriber import Transcriber
from harken.types import LiveFigures, Recognizer, Requester


@asynccontextmanager
async def running_live(
    config: LiveConfig,
    drafts: Recognizer,
    finals: Recognizer,
    transcriber: Transcriber,
    reader: AudioReader,
    *,
    refusal: Callable[[Requester], HarkenError | None] = lambda _: None,
    rtfx: Callable[[], float | None] = lambda: None,
    tell: Tell,
) -> AsyncIterator[Sessions | None]:
    """Offer sessions as long as the block; None where `live.sessions` is 0. See `Sessions` for what it takes."""
    if not config.sessions:
        yield None
        return
    sessions = Sessions(drafts, finals, transcriber, reader.detector, config, refusal=refusal, rtfx=rtfx, tell=tell)
    async with sessions.running():
        yield sessions


def look_at(live: Sessions | None) -> LiveFigures | None:
    """What there is now; None where nothing is offered, or not yet."""
    return None if live is None else live.figures
