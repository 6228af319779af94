"""The work on one claimed file: transcribe it, then end it or put it back.

Knows the leases, the transcriber and the shelf; decides nothing itself (`verdict` does). The invariant: it returns when
the file is ended or put back, or lost to another server; cancelled, it leaves the file as it is, for whoever cancelled
it to give back.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from harken.account import Account
from harken.errors import HarkenError, InternalError, StateUnavailable
from harken.jobs.claim import Claim
from harken.jobs.memory import FileMemory, LeaseLost, maker_of
from harken.jobs.paths import open_named
from harken.jobs.telling import QUIET, Telling
from harken.jobs.threads import Threads
from harken.jobs.verdict import GiveUp, after_failure
from harken.log import get_log
from harken.trace import Trace, log_fields_of
from harken.transcribe.ask import Ask
from harken.transcribe.facts import facts_of
from harken.transcribe.memory import Memory
from harken.transcribe.result import RecordingTranscript
from harken.transcribe.watch import Watch
from harken.types import ANYBODY, ModelInfo, Priority, Requester, TokenLogprob

if TYPE_CHECKING:
    from harken.jobs.leases import Leases
    from harken.jobs.shelf import Shelf

SEGMENTS_IN_FLIGHT = 4
"""Of one file, where requests have `limits.segments_in_flight`: jobs have time, requests have not."""

Charge = Callable[[str, float], Awaitable[None]]
"""Counts the seconds of audio of a file that is done, for the owner of its job. Must not raise."""

_ROUTE = "job"

_log = get_log("jobs.work")


class Scribe(Protocol):
    """What is asked of `harken.transcribe.transcriber.Transcriber`."""

    async def transcribe(
        self,
        upload: Path | BinaryIO,
        ask: Ask,
        request_id: str,
        /,
        *,
        requester: Requester = ANYBODY,
        watch: Watch | None = None,
        memory: Memory | None = None,
        is_live: bool = True,
        in_flight: int | None = None,
    ) -> RecordingTranscript:
        """Recognise a recording."""
        ...


class Work:
    """One file at work; also looks on while it is transcribed.

    Attributes:
        claim: the file.
        done_s: seconds of audio that are done.
        audio_s: its length, once known.
        is_ending: its end is being written; the lease goes with it.
    """

    def __init__(
        self,
        claim: Claim,
        *,
        leases: Leases,
        shelf: Shelf,
        threads: Threads,
        folders: Sequence[Path],
        attempts: int,
        charge: Charge,
        now: Callable[[], float],
        telling: Telling = QUIET,
    ) -> None:
        self._telling = telling
        self._trace: Trace | None = None
        self.claim = claim
        self.done_s = 0.0
        self.audio_s: float | None = None
        self.is_ending = False
        self._leases = leases
        self._shelf = shelf
        self._threads = threads
        self._folders = folders
        self._attempts = attempts
        self._charge = charge
        self._now = now

    def text(self, delta: str, logprobs: tuple[TokenLogprob, ...]) -> None:
        """Nobody reads a job's text before its end."""

    def progress(self, done_s: float, total_s: float | None) -> None:
        """Note how far it is; it is written down with the next renewal of the lease."""
        self.done_s, self.audio_s = done_s, total_s

    async def run(self, transcriber: Scribe, info: ModelInfo) -> None:
        """Do it; failures become the file's."""
        began = time.monotonic()
        self._trace = self._telling.begin_trace(None)
        requester = Requester(key=self.claim.owner, priority=Priority.BATCH, trace=self._trace)
        account = Account(request_id=self._name, route=_ROUTE, began=began, tell=self._telling.tell, trace=self._trace)
        account.let_in(requester)
        try:
            await self._run(transcriber, info, requester, account)
        except BaseException:
            account.cancel()
            raise
        finally:
            account.audio_s = self.done_s or None
            account.end(0 if account.outcome else 200)

    async def _run(self, transcriber: Scribe, info: ModelInfo, requester: Requester, account: Account) -> None:
        began = account.began
        try:
            result = await self._transcribe(transcriber, info, requester)
        except LeaseLost:
            account.cancel()
            self._tell("lost", began)
        except HarkenError as error:
            await self._failed(error, account, info)
        except Exception:  # noqa: BLE001 - the edge of a file's work: a defect ends this file, not the server
            _log.exception("jobs.defect", job_id=self.claim.job_id, file=self.claim.number)
            await self._failed(
                InternalError("Something went wrong inside the server; its log knows more."), account, info
            )
        else:
            self.is_ending = True
            is_ours = await self._threads.run(self._leases.finish, self.claim, result, now=self._now())
            facts = facts_of(result, info.name, with_text=self._telling.logs_text)
            await self._ended("done" if is_ours else "lost", began, **facts)
            if not is_ours:
                account.cancel()
            else:
                await self._charge(self.claim.owner, result.audio_s)

    async def _transcribe(self, transcriber: Scribe, info: ModelInfo, requester: Requester) -> RecordingTranscript:
        claim, stamp = self.claim, self.claim.stamp
        place = self._shelf.place(claim.path)
        upload: Path | BinaryIO = place
        if not claim.is_ours:
            upload, stamp = await self._threads.run(open_named, claim.path, self._folders)
        try:
            maker = maker_of(info, stamp)
            known = await self._threads.run(self._leases.recall, claim, maker)
            memory = FileMemory(self._leases, claim, maker, known, self._threads)
            return await transcriber.transcribe(
                upload,
                claim.ask,
                self._name,
                requester=requester,
                watch=self,
                memory=memory,
                is_live=False,
                in_flight=SEGMENTS_IN_FLIGHT,
            )
        except FileNotFoundError as error:
            if str(error.filename) != str(place):
                raise
            if not await self._threads.run(self._shelf.is_there):
                raise StateUnavailable("The folder with the recordings is not there now.") from error
            raise InternalError("The recording is no longer on this server's disk.") from error
        finally:
            if not isinstance(upload, Path):
                upload.close()

    @property
    def _name(self) -> str:
        """Of this attempt, in every log line."""
        return f"{self.claim.job_id}.{self.claim.number}.{self.claim.attempts}"

    async def _failed(self, error: HarkenError, account: Account, info: ModelInfo) -> None:
        claim, began = self.claim, account.began
        account.fail(error)
        verdict = after_failure(error, attempts=claim.attempts, refusals=claim.refusals, limit=self._attempts)
        self.is_ending = True
        is_ours = await self._threads.run(self._leases.fail, claim, verdict, now=self._now())
        if is_ours and isinstance(verdict, GiveUp):
            await self._ended("failed", began, code=error.code, model=info.name)
        else:
            self._tell("put_back" if is_ours else "lost", began, code=error.code)

    async def _ended(self, how: str, began: float, **more: Any) -> None:
        if self.claim.is_ours and how != "lost":
            await self._threads.run(self._shelf.drop, self._shelf.place(self.claim.path))
        self._tell(how, began, **more)

    def _tell(self, how: str, began: float, **more: Any) -> None:
        claim = self.claim
        ids = {"job_id": claim.job_id, "file": claim.number, "attempt": claim.attempts}
        key = {"key": claim.owner} if claim.owner else {}
        key |= log_fields_of(self._trace)
        _log.info(f"jobs.file_{how}", **ids, **key, wall_s=round(time.monotonic() - began, 3), **more)
