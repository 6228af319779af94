"""The files of models over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from fastapi import FastAPI

from harken.api.app import create_app
from harken.api.file_stream import BLOCK_BYTES
from harken.api.model_files import ModelFiles
from harken.config import AuthConfig, StateConfig
from harken.keys import open_admission
from harken.models.manifest import FileEntry, Manifest, parse_manifest
from harken.models.shelf import Shelf
from harken.models.store import ModelStore, write_manifest
from harken.state import Database
from tests.api.keyed import bearer
from tests.api.world import World, serving

Result = TypeVar("Result")

REVISION = "a" * 40
BASE = f"/models/some/model/revisions/{REVISION}"
BODY = bytes(range(256)) * 4096


@dataclass
class FilesWorld(World):
    """A server that offers model files."""

    files: ModelFiles | None = None

    def app(self) -> FastAPI:
        """The app over this world."""
        assert self.files is not None
        files = self.files

        @contextlib.asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            async with files.running():
                yield

        return create_app(self.provider, lifespan=lifespan, model_files=files)


def put(store: ModelStore, bodies: dict[str, bytes]) -> Path:
    """Put a pulled model into a store."""
    folder = store.place("some/model", REVISION)
    folder.mkdir(parents=True)
    for name, body in bodies.items():
        (folder / name).write_bytes(body)
    entries = [FileEntry(name=n, size=len(b), sha256=hashlib.sha256(b).hexdigest()) for n, b in sorted(bodies.items())]
    manifest = Manifest(name="some/model", revision=REVISION, source="https://x", files=tuple(entries))
    write_manifest(folder, manifest)
    store.set_ref("some/model", "main", REVISION)
    (folder / "secret.json").write_text("not in the manifest")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """A pulled model, and a folder beside it that was not pulled."""
    store = ModelStore(tmp_path / "models")
    put(store, {"config.json": b"{}", "model.safetensors": BODY})
    return store


def talk(
    files: ModelFiles, conversation: Callable[[httpx.AsyncClient], Awaitable[Result]], *, waits: bool = True
) -> Result:
    """Talk to a new server, once it has hashed its files."""

    async def run() -> Result:
        async with (
            asyncio.timeout(30),
            serving(FilesWorld(files=files).app()) as url,
            httpx.AsyncClient(base_url=url, timeout=20, verify=False) as client,
        ):
            while waits and (await client.get("/models")).status_code == 503:
                await asyncio.sleep(0.01)  # between two looks
            return await conversation(client)

    return asyncio.run(run())


def shelf_of(store: ModelStore, **folders: Path) -> Shelf:
    """A shelf of a store, and of folders under these names."""
    return Shelf(store, lambda: folders)


@pytest.mark.slow
def test_the_index_and_the_manifest_tell_what_there_is(store: ModelStore) -> None:
    """The index is asked for anew each time; a manifest may be kept for ever."""

    async def conversation(client: httpx.AsyncClient) -> None:
        index = await client.get("/models")
        assert index.headers["cache-control"] == "no-cache"
        assert index.json() == {
            "object": "harken.models",
            "data": [
                {
                    "id": "some/model",
                    "revision": REVISION,
                    "refs": ["main"],
                    "is_default": True,
                    "files": 2,
                    "bytes": 2 + len(BODY),
                }
            ],
        }
        manifest = await client.get(BASE)
        assert manifest.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert parse_manifest(manifest.json()) == store.all()[0].manifest

    talk(ModelFiles(shelf_of(store)), conversation)


def test_a_file_is_sent_whole_or_in_part(store: ModelStore) -> None:
    """With its digest as its ETag; conditions and impossible ranges are answered as the standard says."""
    url = f"{BASE}/files/model.safetensors"

    async def conversation(client: httpx.AsyncClient) -> None:
        whole = await client.get(url)
        assert (whole.status_code, whole.content) == (200, BODY)
        etag = whole.headers["etag"]
        assert etag == f'"{hashlib.sha256(BODY).hexdigest()}"'
        assert whole.headers["accept-ranges"] == "bytes"
        assert whole.headers["cache-control"] == "public, max-age=31536000, immutable"
        part = await client.get(url, headers={"Range": "bytes=300000-899999", "If-Range": etag})
        assert (part.status_code, part.content) == (206, BODY[300_000:900_000])
        assert part.headers["content-range"] == f"bytes 300000-899999/{len(BODY)}"
        last = await client.get(url, headers={"Range": "bytes=-3"})
        assert last.content == BODY[-3:]
        other = await client.get(url, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
        assert (other.status_code, len(other.content)) == (200, len(BODY))
        same = await client.get(url, headers={"If-None-Match": etag})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
        behind = await client.get(url, headers={"Range": f"bytes={len(BODY)}-"})
        assert (behind.status_code, behind.json()["error"]["code"]) == (416, "range_not_satisfiable")
        assert behind.headers["content-range"] == f"bytes */{len(BODY)}"
        head = await client.head(url)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(BODY)))

    talk(ModelFiles(shelf_of(store)), conversation)


@pytest.mark.parametrize(
    "path",
    [
        f"{BASE}/files/secret.json",
        f"{BASE}/files/harken-manifest.json",
        f"{BASE}/files/../../../../../../../../etc/passwd",
        f"{BASE}/files/%2e%2e/%2e%2e/refs.json",
        f"{BASE}/files//etc/passwd",
        f"{BASE}/files/config.json%00",
        f"{BASE}/files/",
        f"/models/some/model/revisions/{'b' * 40}",
        "/models/some/model/revisions/main",
        f"/models/some/model/revisions/..%2f{REVISION}",
        f"/models/../models/some/model/revisions/{REVISION}",
        f"/models/other/revisions/{REVISION}",
        "/models/",
        "/models/some/model",
    ],
)
def test_nothing_but_a_manifests_files_is_sent(store: ModelStore, path: str) -> None:
    """Whatever the address."""

    async def conversation(client: httpx.AsyncClient) -> str:
        # Written by hand: a client of the usual kind would tidy up the address.
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
        return answer

    found = talk(ModelFiles(shelf_of(store)), conversation)
    assert found.startswith("HTTP/1.1 404") and '"not_found"' in found, found


def test_a_server_that_offers_nothing_says_how_it_would(store: ModelStore) -> None:
    """On all three addresses; that is what it does unless it is told otherwise."""

    async def run() -> list[httpx.Response]:
        async with serving(World().app()) as url, httpx.AsyncClient(base_url=url, verify=False) as client:
            return [await client.get(path) for path in ("/models", BASE, f"{BASE}/files/config.json")]

    for found in asyncio.run(run()):
        assert (found.status_code, "gateway.serves_models" in found.text) == (404, True)


def test_a_folder_that_was_not_pulled_is_hashed_first(store: ModelStore, tmp_path: Path) -> None:
    """Its revision is an id of its content; one of the hub's cache has its commit."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_bytes(b"{}")
    (folder / "model.safetensors").symlink_to(store.place("some/model", REVISION) / "model.safetensors")
    (folder / "train.py").write_text("print()")
    snapshot = tmp_path / "hub" / ("c" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_bytes(b"{}")

    async def conversation(client: httpx.AsyncClient) -> None:
        entries = {one["id"]: one for one in (await client.get("/models")).json()["data"]}
        assert entries["x/hub"]["revision"] == "c" * 40
        mine = entries["mine"]
        assert (mine["files"], mine["is_default"], len(mine["revision"])) == (2, True, 40)
        url = f"/models/mine/revisions/{mine['revision']}"
        assert [one["name"] for one in (await client.get(url)).json()["files"]] == ["config.json", "model.safetensors"]
        assert (await client.get(f"{url}/files/model.safetensors")).content == BODY
        (folder / "config.json").write_bytes(b"[]")
        changed = await client.get(f"{url}/files/config.json")
        assert (changed.status_code, "no longer the file" in changed.text) == (404, True)

    talk(ModelFiles(Shelf(store, lambda: {"mine": folder, "x/hub": snapshot})), conversation)


def test_while_files_are_hashed_the_index_says_when_to_ask_again(store: ModelStore) -> None:
    """Recordings are not kept waiting by it."""
    go = threading.Event()

    def folders() -> dict[str, Path]:
        assert go.wait(20)
        return {}

    async def conversation(client: httpx.AsyncClient) -> None:
        early = await client.get("/models")
        assert (early.status_code, early.headers["retry-after"]) == (503, "2")
        assert (await client.get("/health")).status_code == 200
        go.set()

    talk(ModelFiles(Shelf(store, folders)), conversation, waits=False)


@contextlib.contextmanager
def blocked(pool: ThreadPoolExecutor) -> Iterator[None]:
    """Keep the threads that read files busy."""
    go = threading.Event()
    for _ in range(4):
        pool.submit(go.wait, 20)
    try:
        yield
    finally:
        go.set()


@pytest.mark.slow
def test_only_so_many_files_are_sent_at_a_time(store: ModelStore) -> None:
    """Whoever comes beyond is told when to come again; a place that was left is free again."""
    url = f"{BASE}/files/model.safetensors"
    files = ModelFiles(shelf_of(store), most=2)

    async def conversation(client: httpx.AsyncClient) -> None:
        async with client.stream("GET", url), client.stream("GET", url):
            refused = await client.get(url)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
            assert refused.json()["error"]["code"] == "unavailable"
        # Both left in the middle.
        async with asyncio.timeout(10):
            while (await client.get(url)).status_code != 200:
                await asyncio.sleep(0.01)  # between two looks

    big = store.place("some/model", REVISION) / "model.safetensors"
    _grow(store, big)
    talk(files, conversation)
    assert files._sending == 0


def _grow(store: ModelStore, path: Path) -> None:
    """Make the weights larger than what sockets hold."""
    body = BODY * 32
    path.write_bytes(body)
    manifest = store.all()[0].manifest
    entry = FileEntry(name=path.name, size=len(body), sha256=hashlib.sha256(body).hexdigest())
    small = manifest.file("config.json")
    assert small is not None
    write_manifest(
        path.parent,
        Manifest(name=manifest.name, revision=REVISION, source="", files=(small, entry)),
    )


@pytest.mark.slow
def test_a_server_that_leaves_cuts_off_what_it_sends(store: ModelStore) -> None:
    """Who fetches goes on elsewhere; a drain does not wait for gigabytes. What comes then is refused."""
    url = f"{BASE}/files/model.safetensors"
    files = ModelFiles(shelf_of(store))
    _grow(store, store.place("some/model", REVISION) / "model.safetensors")

    async def conversation(client: httpx.AsyncClient) -> None:
        async with client.stream("GET", url) as answer:
            files.close()
            with pytest.raises(httpx.RemoteProtocolError):
                await answer.aread()
        assert (await client.get(url)).json()["error"]["code"] == "draining"

    talk(files, conversation)
    assert files._sending == 0


@pytest.mark.slow
def test_a_reader_that_reads_nothing_is_left(store: ModelStore) -> None:
    """It would hold one of the few places for ever."""
    files = ModelFiles(shelf_of(store), stall_s=0.2)
    _grow(store, store.place("some/model", REVISION) / "model.safetensors")

    async def conversation(client: httpx.AsyncClient) -> None:
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port, limit=1024)
        writer.write(f"GET {BASE}/files/model.safetensors HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert files._sending == 1
        async with asyncio.timeout(10):
            while files._sending:
                await asyncio.sleep(0.01)  # between two looks
        writer.close()

    talk(files, conversation)


def test_a_folder_that_cannot_be_read_is_left_out(store: ModelStore, tmp_path: Path) -> None:
    """The others are offered."""
    shelf = shelf_of(store, gone=tmp_path / "gone")
    (failure,) = shelf.prepare(lambda: False)
    assert failure.startswith("gone in ")
    assert [one.manifest.name for one in shelf.offered()] == ["some/model"]


def test_reading_files_keeps_nobody_else_waiting(store: ModelStore) -> None:
    """Its threads are its own: with all of them stuck in a slow disk, everything else is answered."""
    files = ModelFiles(shelf_of(store))

    async def conversation(client: httpx.AsyncClient) -> None:
        with blocked(files.pool):
            waiting = asyncio.create_task(client.get(BASE))
            assert (await client.get("/health")).status_code == 200
            assert not waiting.done()
        assert (await waiting).status_code == 200

    talk(files, conversation)
    assert BLOCK_BYTES <= 1024 * 1024


@pytest.mark.slow
def test_with_keys_files_need_one_and_nobody_on_the_way_may_keep_them(store: ModelStore, tmp_path: Path) -> None:
    """A shared cache would give them to everybody."""
    admission = open_admission(AuthConfig(keys="required"), Database(StateConfig(folder=str(tmp_path / "state"))))
    assert admission is not None
    files = ModelFiles(shelf_of(store))

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with files.running():
            yield

    app = create_app(World().provider, lifespan=lifespan, admission=admission, model_files=files)

    async def run() -> None:
        _, secret = await admission.ring.add("bob", is_admin=False, requests_per_minute=None, audio_s_per_minute=None)
        async with serving(app) as url, httpx.AsyncClient(base_url=url, verify=False) as client:
            closed = await client.get(BASE)
            assert (closed.status_code, closed.headers["www-authenticate"]) == (401, 'Bearer realm="harken"')
            while (found := await client.get(BASE, headers=bearer(secret))).status_code == 503:
                await asyncio.sleep(0.01)  # between two looks
            assert (found.status_code, found.headers["cache-control"]) == (200, "private, max-age=31536000, immutable")

    asyncio.run(run())
