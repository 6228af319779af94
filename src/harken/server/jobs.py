"""Jobs as a part of a server's life: there where they are enabled, nothing otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harken.config import Config
from harken.jobs.jobs import Jobs
from harken.jobs.telling import Telling
from harken.keys import Admission
from harken.server.eyes import Eyes
from harken.state import Database
from harken.transcribe.transcriber import Transcriber
from harken.types import Recognizer


@asynccontextmanager
async def running_jobs(
    config: Config,
    database: Database,
    recognizer: Recognizer,
    transcriber: Transcriber,
    admission: Admission | None,
    *,
    eyes: Eyes,
) -> AsyncIterator[Jobs | None]:
    """Run jobs as long as the block, at the expense of their keys; None where `jobs.is_enabled` is false."""
    if not config.jobs.is_enabled:
        yield None
        return
    charge = admission.charge if admission else None
    telling = Telling(tell=eyes.tell, begin_trace=eyes.begin_trace, logs_text=config.log.transcripts)
    async with Jobs(config, database, recognizer, transcriber, charge=charge, telling=telling) as jobs:
        yield jobs
