"""What live sessions work with: the server's means, the same for all of them. Plain data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from harken.audio import CutRule, SpeechDetector
from harken.clock import Clock
from harken.config import LiveConfig
from harken.events import Tell
from harken.transcribe.transcriber import Transcriber
from harken.types import ModelInfo, Recognizer


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What sessions work with.

    Attributes:
        drafts: recognises what is said while it is said; without a cache, since no draft comes twice.
        finals: recognises what may be a whole turn; where there is a cache, the turn's own asking then finds it.
        transcriber: recognises whole turns.
        info: the model.
        cut: how turns longer than one pass are cut.
        detector: of voices.
        threads: where sound is heard.
        config: paces and bounds.
        clock: for them.
        tell: takes the account of each turn, and how long its text took.
        spawn: starts what goes on beside the session; it ends with the server.
        took: takes the seconds that each draft took.
    """

    drafts: Recognizer
    finals: Recognizer
    transcriber: Transcriber
    info: ModelInfo
    cut: CutRule
    detector: SpeechDetector
    threads: Executor
    config: LiveConfig
    clock: Clock
    tell: Tell
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    took: Callable[[float], None]
