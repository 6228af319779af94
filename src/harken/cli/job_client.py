"""Jobs of a server, from the command line's side: submit, follow, fetch.

Waiting is polling, at a pace that a server of many clients can bear. The invariant: an interrupted client loses
nothing, because the job lives on the server; its id is known as soon as the server has it.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from harken.cli.client import Answer, ServerRefused, ServerUnreachable, call, post_files
from harken.ops.address import without_user
from harken.ops.unreached import why_unreached

ENDED = ("done", "failed", "cancelled")

_TIMEOUT_S = 30.0
_POLL_S = (0.2, 2.0)
"""The first wait between two looks, and the longest."""

_UNREACHABLE_S = 60.0
"""How long a server may be away while a job is followed: long enough for its restart."""

Fields = dict[str, Any]


class JobClient:
    """The jobs of one server.

    Args:
        session: carries the key.
        url: the server's address.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = f"{url}/v1/jobs"

    async def is_offered(self) -> bool:
        """Whether the server takes jobs from us; False also where the server is older, or its state is unusable."""
        try:
            (await self._get("?limit=1")).checked()
        except ServerRefused as error:
            if error.answered in (401, 403, 429):
                raise
            return False
        return True

    async def submit(self, files: Sequence[Path], values: Sequence[tuple[str, str]], timeout_s: float) -> Fields:
        """Hand in recordings; the answer is the job.

        Raises:
            ServerRefused, ServerUnreachable: it is not accepted.
            OSError: a file cannot be read.
        """
        answer = await post_files(
            self._session,
            self._url,
            [("file", path) for path in files],
            values=values,
            timeout_s=timeout_s,
            headers={"Idempotency-Key": secrets.token_hex(16)},
        )
        return answer.checked().body

    async def list(self, limit: int) -> list[Fields]:
        """The newest jobs."""
        found: list[Fields] = []
        after = ""
        while len(found) < limit:
            page = (await self._get(f"?limit={min(100, limit - len(found))}{after}")).checked().body
            found += page["data"]
            if not page["has_more"]:
                break
            after = f"&after={page['last_id']}"
        return found

    async def show(self, job_id: str, *, with_files: bool = True) -> Fields:
        """One job."""
        return (await self._get(f"/{job_id}?files={str(with_files).lower()}")).checked().body

    async def cancel(self, job_id: str) -> Fields:
        """End a job."""
        return (await self._call("POST", f"/{job_id}/cancel")).checked().body

    async def delete(self, job_id: str) -> None:
        """Forget an ended job."""
        (await self._call("DELETE", f"/{job_id}")).checked()

    async def wait(self, job_id: str, on_look: Callable[[Fields], None]) -> Fields:
        """Follow a job to its end, over restarts of the server; `on_look` gets every look.

        Raises:
            ServerRefused: the job is not ours (any more).
            ServerUnreachable: nobody answered for a minute.
        """
        loop = asyncio.get_running_loop()
        wait_s, last_answer = _POLL_S[0], loop.time()
        while True:
            try:
                job = await self.show(job_id, with_files=False)
                last_answer = loop.time()
                on_look(job)
                if job["state"] in ENDED:
                    return job
            except (ServerUnreachable, ServerRefused) as error:
                is_passing = not isinstance(error, ServerRefused) or error.answered >= 500
                if not is_passing or loop.time() - last_answer > _UNREACHABLE_S:
                    raise
            await asyncio.sleep(wait_s)
            wait_s = min(_POLL_S[1], wait_s * 1.3)

    async def results(self, job_id: str, form: str) -> AsyncIterator[Fields]:
        """The results of an ended job, file by file.

        Raises:
            ServerRefused, ServerUnreachable: they cannot be had, or end in the middle.
        """
        url = f"{self._url}/{job_id}/results" + (f"?format={form}" if form else "")
        timeout = aiohttp.ClientTimeout(total=None, sock_read=60.0)
        try:
            # A line holds the result of one recording; a day of speech has some megabytes.
            async with self._session.get(url, timeout=timeout) as answer:
                if answer.status >= 400:
                    body = json.loads(await answer.read())
                    Answer(status=answer.status, headers={}, body=body).checked()
                rest = b""
                async for piece in answer.content.iter_any():
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in lines:
                        yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            told = without_user(f"{url} ended in the middle: {why_unreached(error)}.")
            raise ServerUnreachable(told) from error

    async def _get(self, rest: str) -> Answer:
        return await self._call("GET", rest)

    async def _call(self, method: str, rest: str) -> Answer:
        return await call(self._session, method, self._url + rest, timeout_s=_TIMEOUT_S)
