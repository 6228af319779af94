"""All of `harken pull`: list, lock, make sure of the room, fetch, check, publish.

The invariant: the model has its final name only when all of it was checked; whatever ends a pull before (an error,
Ctrl-C, SIGKILL, a power failure) leaves what arrived, for the next one to go on from.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from harken.models.hashing import digests_of
from harken.models.lock import try_lock
from harken.models.manifest import FileEntry, Manifest, content_revision
from harken.models.names import Spec
from harken.models.store import ModelStore, Stored
from harken.ops.pull.events import Found, Tell, Verified, Waiting
from harken.ops.pull.failures import PullFailed
from harken.ops.pull.fetch import Fetch
from harken.ops.pull.files import Listing, RemoteFile
from harken.ops.pull.means import Means
from harken.ops.pull.place import PART_BYTES, Place
from harken.ops.pull.room import check_room, of_disk
from harken.ops.pull.sources.asking import Asking
from harken.ops.pull.sources.choose import Chosen, Origin
from harken.ops.pull.together import together
from harken.ops.pull.tries import Patience
from harken.ops.pull.web import SILENCE_TIMEOUT_S, open_web

LOCK_LOOK_S = 0.2
"""How often a waiting pull looks whether the other one has ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is to be pulled, and how.

    Attributes:
        spec: the model, perhaps with a revision.
        origin: where it comes from.
        connections: requests at the same time.
        rechecks: a model that is here already is hashed, and what is damaged is fetched again.
        patience: how often things are tried.
        silence_timeout_s: an answer from which nothing comes for so long is broken off.
        part_bytes: how large the parts of a file are.
        trust: whose certificates are taken for https; None for those that this machine trusts.
    """

    spec: Spec
    origin: Origin
    connections: int = 8
    rechecks: bool = False
    patience: Patience = field(default_factory=Patience)
    silence_timeout_s: float = SILENCE_TIMEOUT_S
    part_bytes: int = PART_BYTES
    trust: ssl.SSLContext | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulled:
    """A model that is here.

    Attributes:
        stored: where and what.
        was_here: nothing had to be fetched.
    """

    stored: Stored
    was_here: bool


async def pull(wish: Wish, store: ModelStore, tell: Tell) -> Pulled:
    """Fetch a model.

    Raises:
        PullFailed: it cannot be had, or the disk has no room.
        ConfigError: a token that cannot be one.
    """
    async with open_web(wish.origin.secret, trust=wish.trust, silence_timeout_s=wish.silence_timeout_s) as web:
        chance = random.Random()  # noqa: S311 - it only spreads waits
        asking = Asking(web=web, patience=wish.patience, chance=chance, tell=tell)
        token_name = wish.origin.secret.what if wish.origin.secret else "HF_TOKEN"
        source = Chosen(asking, wish.origin, token_name=token_name)
        listing = await source.listing(wish.spec.name, wish.spec.revision)
        means = Means(
            web=source.web,
            gate=asyncio.Semaphore(wish.connections),
            connections=wish.connections,
            patience=wish.patience,
            chance=chance,
            tell=tell,
        )
        try:
            store.sweep(listing.name)
            async with _alone(store, listing.name, listing.revision, tell):
                return await _Pull(wish, store, listing, means).run()
        except OSError as error:
            raise PullFailed(of_disk(error, store.folder)) from error


@asynccontextmanager
async def _alone(store: ModelStore, name: str, revision: str, tell: Tell) -> AsyncIterator[None]:
    """Wait until no other process pulls the same."""
    path = store.lock_of(name, revision)
    is_told = False
    while True:
        with try_lock(path) as is_taken:
            if is_taken:
                yield
                return
        if not is_told:
            tell(Waiting(reason=f"{name} is being pulled by another process; waiting for it"))
            is_told = True
        await asyncio.sleep(LOCK_LOOK_S)


class _Pull:
    """One revision on its way; its lock is held."""

    def __init__(self, wish: Wish, store: ModelStore, listing: Listing, means: Means) -> None:
        self._wish = wish
        self._store = store
        self._listing = listing
        self._means = means
        self._place = Place(store, listing.name, listing.revision, part_bytes=wish.part_bytes)
        self._others: list[Stored] = []

    async def run(self) -> Pulled:
        # What nothing is told of has to be fetched to be known, and what is here stays until then.
        here = None if self._listing.untold else self._stored(self._listing.revision)
        if here is not None:
            good = await self._good_files(here)
            if len(good) == len(here.manifest.files):
                return self._named(here, was_here=True)
            self._place.adopt(here, good)
        self._others = self._store.revisions(self._listing.name)
        self._place.open()
        self._place.forget(self._listing.untold)
        files = self._listing.files
        needed = sum(self._place.bytes_missing(file, self._others) for file in files)
        check_room(self._store.folder, needed, self._listing.name)
        self._means.tell(
            Found(
                name=self._listing.name,
                revision=self._listing.revision,
                source=self._listing.source,
                files=len(files),
                bytes=sum(file.size or 0 for file in files),
                here=sum(entry.size for file in files if (entry := self._place.entry(file))),
            )
        )
        # So many files at a time: each has its descriptors open. The large ones first: they take longest.
        files_gate = asyncio.Semaphore(self._wish.connections)
        await together(self._fetch(file, files_gate) for file in sorted(files, key=lambda file: -(file.size or 0)))
        return await self._finish()

    def _stored(self, revision: str) -> Stored | None:
        return self._store.at(self._listing.name, revision)

    async def _good_files(self, here: Stored) -> list[FileEntry]:
        """Files of a complete model that need not be fetched again; they are hashed where that was asked for."""
        missing = set(here.missing)
        left = [entry for entry in here.manifest.files if entry.name not in missing]
        if not self._wish.rechecks:
            return left
        return [entry for entry in left if await asyncio.to_thread(_is_right, here.folder, entry)]

    async def _fetch(self, file: RemoteFile, files_gate: asyncio.Semaphore) -> None:
        async with files_gate:
            entry = self._place.entry(file)
            if entry is None:
                entry = await self._borrowed(file) or await self._fetched(file)
        self._means.tell(Verified(file=file.name, checked=entry.checked))

    async def _borrowed(self, file: RemoteFile) -> FileEntry | None:
        """A revision rarely changes its large files: what another one has need not be fetched, only checked."""
        partial = self._place.partial(file)
        if partial.data.exists() or not self._place.borrow(file, self._others):
            return None
        found = await asyncio.to_thread(digests_of, partial.data)
        if found.sha256 != file.sha256:
            partial.discard()
            return None
        return self._place.keep(file, found)

    async def _fetched(self, file: RemoteFile) -> FileEntry:
        found = await Fetch(file, self._place.partial(file), self._means).run()
        await asyncio.to_thread(self._place.sync, file)
        return self._place.keep(file, found)

    async def _finish(self) -> Pulled:
        found = [self._place.entry(file) for file in self._listing.files]
        entries = [entry for entry in found if entry is not None]
        assert len(entries) == len(self._listing.files), f"{len(entries)} of {len(self._listing.files)}"
        if not self._listing.untold:
            return self._publish(self._listing.revision, entries)
        revision = content_revision((entry.name, entry.size, f"sha256:{entry.sha256}") for entry in entries)
        async with _alone(self._store, self._listing.name, revision, self._means.tell):
            here = self._stored(revision)
            if here is None or here.missing:
                return self._publish(revision, entries)
            self._place.discard()
            return self._named(here, was_here=False)

    def _publish(self, revision: str, entries: list[FileEntry]) -> Pulled:
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        manifest = Manifest(
            name=self._listing.name,
            revision=revision,
            source=self._listing.source,
            files=tuple(entries),
            pulled_at=now,
            verified_at=now,
        )
        folder = self._place.publish(manifest)
        return self._named(Stored(folder=folder, manifest=manifest), was_here=False)

    def _named(self, stored: Stored, *, was_here: bool) -> Pulled:
        """Note what was asked for."""
        ref = self._listing.ref
        if not ref or not stored.revision.startswith(ref):  # a commit means itself
            self._store.set_ref(self._listing.name, ref, stored.revision)
        return Pulled(stored=self._stored(stored.revision) or stored, was_here=was_here)


def _is_right(folder: Path, entry: FileEntry) -> bool:
    try:
        return digests_of(folder / entry.name).sha256 == entry.sha256
    except OSError:
        return False
