"""One file: asked for in parts, tried again within bounds, checked, and thrown away where it is wrong.

A first small question finds out whether the server knows ranges, how large the file is, and of which version. With
ranges its parts are fetched beside each other and each goes on where it broke off; without, the file comes in one piece
from its beginning. It decides nothing about where files lie. The invariant: `run` returns only after the whole file was
read back and is what the source promised, in size and, where the source tells one, in digest.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import aiohttp

from harken.models.hashing import Digests, digests_of
from harken.ops.pull.events import Arrived, Retrying
from harken.ops.pull.failures import PullFailed, Spoiled, Transient
from harken.ops.pull.files import RemoteFile, what_is_wrong
from harken.ops.pull.means import Facts, Means
from harken.ops.pull.partial import PartialFile
from harken.ops.pull.ranges import content_length, parse_content_range, version_of
from harken.ops.pull.room import check_room, has_room, mb
from harken.ops.pull.together import together
from harken.ops.pull.tries import Tries

Result = TypeVar("Result")

SMALL_BYTES = 1024 * 1024
"""Files of no more are fetched in one piece, without a question before."""

PROGRESS_BYTES = 64 * 1024
"""So much arrived makes good what failed before."""


class Fetch:
    """Fetches one file.

    Args:
        file: which.
        place: where it is collected.
        means: shared with the other files.
    """

    def __init__(self, file: RemoteFile, place: PartialFile, means: Means) -> None:
        self._file = file
        self._partial = place
        self._means = means
        self._round = 0

    async def run(self) -> Digests:
        """Fetch it; return its digests.

        Raises:
            PullFailed: it cannot be had, or came wrong every time.
            OSError: the disk is full, or cannot be written.
        """
        reason = ""
        for number in range(self._means.patience.rounds):
            self._round = number
            if reason:
                await self._start_over(reason)
            try:
                await self._arrive()
                found = await self._read_back()
            except Spoiled as spoiled:
                reason = spoiled.reason
            else:
                return found
            finally:
                self._partial.close()
        self._drop()
        raise PullFailed(f"{self._file.name} came wrong {self._means.patience.rounds} times: {reason}.")

    async def _start_over(self, reason: str) -> None:
        wait_s = self._means.patience.first_s * 2.0 ** (self._round - 1)
        self._means.tell(Retrying(file=self._file.name, reason=f"{reason}; it is fetched anew", wait_s=wait_s))
        self._drop()
        await asyncio.sleep(wait_s)

    def _drop(self) -> None:
        self._means.tell(Arrived(file=self._file.name, bytes=-self._partial.arrived))
        self._partial.discard()

    async def _arrive(self) -> None:
        file = self._file
        if file.size is not None and file.size <= SMALL_BYTES:
            facts = Facts(has_ranges=False, size=file.size, version="")
        else:
            facts = await self._again(self._ask)
        if facts.size is not None and file.size is not None and facts.size != file.size:
            raise Spoiled(f"the server has {facts.size} bytes where the source promises {file.size}")
        if file.size is None:
            # Nobody could count it before.
            check_room(self._partial.data.parent, max(0, (facts.size or 0) - self._partial.taken), file.name)
        if facts.has_ranges and facts.size is not None:
            await self._arrive_in_parts(facts.size, facts.version)
        else:
            await self._again(self._fetch_whole)

    async def _ask(self) -> Facts:
        async with self._means.web.open(self._file.url, self._headers({"Range": "bytes=0-0"})) as answer:
            told = parse_content_range(answer.headers.get("Content-Range"))
            version = version_of(answer.headers)
            if answer.status == 206 and told is not None and told.first == 0:
                size = self._file.size if told.total is None else told.total
                return Facts(has_ranges=True, size=size, version=version)
            if answer.status == 416 and told is not None and told.total == 0:
                return Facts(has_ranges=False, size=0, version=version)
            if answer.status == 206:
                raise Spoiled("the server sends another part than it was asked for")
            self._check_status(answer, 200)
            return Facts(has_ranges=False, size=content_length(answer.headers), version=version)

    # --- in parts -----------------------------------------------------------------------------------------------------

    async def _arrive_in_parts(self, size: int, version: str) -> None:
        digest = self._file.digest
        self._partial.begin(size, digest or version, is_checked=bool(digest))
        self._means.tell(Arrived(file=self._file.name, bytes=self._partial.arrived))
        left = deque(self._partial.missing)

        async def work() -> None:
            while left:
                number = left.popleft()
                await self._again(partial(self._fetch_part, number, version))

        await together(work() for _ in range(min(self._means.connections, len(left))))

    async def _fetch_part(self, number: int, version: str) -> None:
        first, size = self._partial.parts[number]
        begin, last = first + self._partial.counts[number], first + size - 1
        asked = {"Range": f"bytes={begin}-{last}"} | ({"If-Range": version} if version else {})
        async with self._means.web.open(self._file.url, self._headers(asked)) as answer:
            self._check_part(answer, begin, last, version)
            left = last - begin + 1
            async for block in answer.content.iter_any():
                left -= len(block)
                if left < 0:
                    raise Spoiled("the server sends more than it was asked for")
                # Not in a thread: whoever pulls has nothing else to do, and a thread could still be writing when
                # this task is cancelled and the file closed.
                self._partial.write(number, block)
                self._means.tell(Arrived(file=self._file.name, bytes=len(block)))
        if left:
            raise Transient("the answer ends too soon")

    def _check_part(self, answer: aiohttp.ClientResponse, begin: int, last: int, version: str) -> None:
        if answer.status in (200, 416):
            raise Spoiled("the file changed on the server")
        self._check_status(answer, 206)
        told = parse_content_range(answer.headers.get("Content-Range"))
        if told is None or (told.first, told.last) != (begin, last):
            raise Spoiled("the server sends another part than it was asked for")
        if version and version_of(answer.headers) not in ("", version):
            raise Spoiled("the file changed on the server")

    # --- in one piece -------------------------------------------------------------------------------------------------

    async def _fetch_whole(self) -> None:
        if self._partial.arrived:
            self._drop()
        self._partial.begin_whole()
        async with self._means.web.open(self._file.url, self._headers({})) as answer:
            self._check_status(answer, 200)
            expected, promised = self._file.size, content_length(answer.headers)
            if expected is not None and promised not in (None, expected):
                raise Spoiled(f"the server sends {promised} bytes where the source promises {expected}")
            async for block in answer.content.iter_any():
                self._partial.append(block)
                self._means.tell(Arrived(file=self._file.name, bytes=len(block)))
                if expected is not None and self._partial.arrived > expected:
                    raise Spoiled(f"the server sends more than the {expected} bytes that the source promises")
                if expected is None:
                    self._leave_room()
        if expected is not None and self._partial.arrived < expected:
            raise Transient("the answer ends too soon")

    def _leave_room(self) -> None:
        """An answer of a length that nobody told may have no end."""
        folder = self._partial.data.parent
        if not has_room(folder):
            arrived = self._partial.arrived
            self._drop()  # of an answer in one piece nothing can be gone on from
            raise PullFailed(
                f"{self._file.name} has a length that nobody tells, and {mb(arrived)} of it left no room on the disk "
                f"of {folder}."
            )

    # --- checking, trying ---------------------------------------------------------------------------------------------

    async def _read_back(self) -> Digests:
        stop = threading.Event()
        try:
            found = await asyncio.to_thread(digests_of, self._partial.data, stop.is_set)
        finally:
            stop.set()  # a thread cannot be cancelled: it is told
        if reason := what_is_wrong(self._file, found):
            raise Spoiled(reason)
        return found

    async def _again(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Try it, again and again within the bounds."""
        tries = Tries(patience=self._means.patience, chance=self._means.chance)
        while True:
            before = self._partial.arrived
            try:
                async with self._means.gate:
                    return await work()
            except Transient as failure:
                if self._partial.arrived - before >= PROGRESS_BYTES and self._partial.parts:
                    tries.progressed()  # what arrived in parts is kept, so it cannot go on for ever
                wait_s = tries.failed(failure.retry_after_s)
                if wait_s is None:
                    raise PullFailed(
                        f"{self._file.name} cannot be fetched: {failure.reason}. What arrived is kept; "
                        "the same command goes on from there."
                    ) from failure
                self._means.tell(Retrying(file=self._file.name, reason=failure.reason, wait_s=wait_s))
            await asyncio.sleep(wait_s)

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        # What came wrong once may have come from a cache on the way.
        return headers | ({"Cache-Control": "no-cache"} if self._round else {})

    def _check_status(self, answer: aiohttp.ClientResponse, expected: int) -> None:
        if answer.status != expected:
            raise PullFailed(f"{self._file.name} cannot be fetched: the server answers {answer.status}.")
        if answer.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise PullFailed(f"{self._file.name} cannot be fetched: the server packs it, which it was asked not to do.")
