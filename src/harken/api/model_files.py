"""`/models`: the files of the models here, for other machines (`harken pull --from`).

Off unless `gateway.serves_models` says so. A file is addressed by its model's revision, so it may be kept for ever by
whoever is on the way; the index is asked for anew each time. The invariants: nothing is sent but files of a manifest;
no more than `MOST` are sent at a time; and files are read in threads of their own, not in those that decode recordings.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response

from harken.api.byte_range import Portion, portion_of
from harken.api.errors import answer
from harken.api.file_stream import STALL_S, FileStream
from harken.api.opening import open_in
from harken.api.reading import add_reading
from harken.api.schema.model_files import FILE, INDEX, MANIFEST
from harken.errors import Draining, NotFound, RangeNotSatisfiable, Unavailable
from harken.log import get_log
from harken.models.hashing import Stopped
from harken.models.manifest import manifest_fields
from harken.models.names import is_commit, is_name
from harken.models.shelf import Offered, Shelf

Result = TypeVar("Result")

KIND = "harken.models"

MOST = 16
"""Files that are sent at the same time; whoever comes beyond is told to come again."""

_THREADS = 4
_NICE = 10
_FOR_EVER = "max-age=31536000, immutable"

_log = get_log("api.model_files")


class ModelFiles:
    """What is offered, and to how many at a time.

    Args:
        shelf: the models.
        most: see `MOST`.
        stall_s: see `STALL_S`.
    """

    def __init__(self, shelf: Shelf, *, most: int = MOST, stall_s: float = STALL_S) -> None:
        self._shelf = shelf
        self._most = most
        self._stall_s = stall_s
        self._sending = 0
        self._is_closed = threading.Event()
        # With its lower priority it takes only what recognising leaves.
        self.pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="model-files", initializer=_step_back)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hash what was not pulled, meanwhile; end everything afterwards."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._prepare())
            try:
                yield
            finally:
                self.close()
        self.pool.shutdown(wait=False)

    def close(self) -> None:
        """Send nothing more; what is being sent is cut off. Whoever fetches goes on from there, here or elsewhere."""
        self._is_closed.set()

    async def offered(self) -> list[Offered]:
        """Everything that is offered.

        Raises:
            Unavailable: files are still being hashed.
            Draining: the server is shutting down.
        """
        return await self._in_pool(self._shelf.offered)

    async def find(self, name: str, revision: str) -> Offered:
        """One of them.

        Raises:
            NotFound: it is not offered.
            Unavailable: as `offered`.
            Draining: as `offered`.
        """
        if not is_name(name) or not is_commit(revision):
            raise NotFound("No model of that name and revision is offered here; GET /models lists them.")
        return await self._in_pool(lambda: self._shelf.find(name, revision))

    async def answer(self, request: Request, offered: Offered, name: str) -> Response:
        """Answer with a file, a part of it, or what its conditions say.

        Raises:
            NotFound: it has no such file.
            Unavailable: enough files are being sent already.
        """
        if self._sending >= self._most:
            raise Unavailable("Enough model files are being sent already.", retry_after_s=2)
        self._sending += 1
        try:
            self._check_open()
            descriptor, entry = await open_in(self.pool, lambda: self._shelf.open(offered, name))
        except BaseException:
            self._sending -= 1
            raise
        etag = f'"{entry.sha256}"'
        is_head = request.method == "HEAD"
        portion = portion_of(entry.size, etag, request.headers, is_head=is_head)
        headers = {"ETag": etag, "Cache-Control": _kept_by(request), "Accept-Ranges": "bytes"}
        if portion.status in (200, 206):
            headers |= {"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff"}
        if portion.status in (200, 206) and not is_head:
            return self._stream(descriptor, portion, entry.size, headers)
        os.close(descriptor)
        self._sending -= 1
        if portion.status == 416:
            error = RangeNotSatisfiable(f"{name} has {entry.size} bytes.")
            return answer(error, request.url.path, {"Content-Range": f"bytes */{entry.size}"})
        if is_head and portion.status == 200:
            headers["Content-Length"] = str(entry.size)
        return Response(status_code=portion.status, headers=headers)

    def _stream(self, descriptor: int, portion: Portion, size: int, headers: dict[str, str]) -> FileStream:
        if portion.status == 206:
            last = portion.first + portion.length - 1
            headers = {**headers, "Content-Range": f"bytes {portion.first}-{last}/{size}"}
        return FileStream(
            descriptor,
            first=portion.first,
            length=portion.length,
            status=portion.status,
            headers=headers,
            pool=self.pool,
            is_over=self._is_closed.is_set,
            on_end=self._sent,
            stall_s=self._stall_s,
        )

    def _sent(self) -> None:
        self._sending -= 1

    async def _prepare(self) -> None:
        try:
            for failure in await self._in_pool(lambda: self._shelf.prepare(self._is_closed.is_set)):
                _log.warning("model_files.not_offered", reason=failure)
        except (Stopped, Draining):
            return
        except Exception:  # noqa: BLE001 - the edge of a task of its own
            # The index goes on saying that it is not ready; recordings are not concerned.
            _log.exception("model_files.not_hashed")

    async def _in_pool(self, work: Callable[[], Result]) -> Result:
        self._check_open()
        return await asyncio.get_running_loop().run_in_executor(self.pool, work)

    def _check_open(self) -> None:
        if self._is_closed.is_set():
            raise Draining(retry_after_s=5)


def model_files_routes(files: ModelFiles | None) -> APIRouter:
    """Return the routes; they answer 404 where a server offers no files."""
    router = APIRouter(tags=["models"])

    async def list_model_files(request: Request) -> Response:
        """What can be fetched from here: models, their revisions, and which revision a bare name means."""
        found = await _offered(files).offered()
        return _json({"object": KIND, "data": [_entry(one) for one in found]}, "no-cache")

    async def get_manifest(request: Request) -> Response:
        """All files of one revision with their sizes and SHA-256 digests."""
        name, revision = request.path_params["name"], request.path_params["revision"]
        offered = await _offered(files).find(name, revision)
        return _json(manifest_fields(offered.manifest), _kept_by(request))

    async def get_model_file(request: Request) -> Response:
        """A file or one range of it; its ETag is its SHA-256."""
        one = _offered(files)
        offered = await one.find(request.path_params["name"], request.path_params["revision"])
        return await one.answer(request, offered, request.path_params["file"])

    revision = "/models/{name:path}/revisions/{revision}"
    # The longest first: a name may have slashes, so the shorter address would fit as well.
    for path, route, summary, described in (
        (f"{revision}/files/{{file:path}}", get_model_file, "Fetch a file of a model", FILE),
        (revision, get_manifest, "List the files of a model", MANIFEST),
        ("/models", list_model_files, "List the models whose files are offered", INDEX),
    ):
        add_reading(router, path, route, summary=summary, responses=described.responses, extra=described.extra)
    return router


def _offered(files: ModelFiles | None) -> ModelFiles:
    if files is None:
        raise NotFound("This server offers no model files; gateway.serves_models = true would.")
    return files


def _entry(one: Offered) -> dict[str, Any]:
    manifest = one.manifest
    return {
        "id": manifest.name,
        "revision": manifest.revision,
        "refs": list(one.refs),
        "is_default": one.is_default,
        "files": len(manifest.files),
        "bytes": manifest.bytes,
    }


def _kept_by(request: Request) -> str:
    """Everybody on the way may keep what everybody may have; what needed a key is kept by its client alone."""
    return f"public, {_FOR_EVER}" if getattr(request.state, "key", None) is None else f"private, {_FOR_EVER}"


def _json(body: dict[str, Any], cache_control: str) -> Response:
    raw = json.dumps(body, ensure_ascii=False).encode()
    return Response(raw, media_type="application/json", headers={"Cache-Control": cache_control})


def _step_back() -> None:
    """On Linux a priority is a thread's own."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
