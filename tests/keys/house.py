"""A house for tests of keys: a book in a database of its own, and clocks that stand still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harken.config import AuthConfig, StateConfig
from harken.keys import Admission, KeyBook, KeyRing, Meter, Mode
from harken.state import Database
from harken.testing import FakeClock


@dataclass
class KeyHouse:
    """Everything about keys of one server.

    Attributes:
        database: where they lie.
        clock: of the ring; tests move it.
        now: seconds since 1970, of book and meter.
    """

    database: Database
    clock: FakeClock = field(default_factory=FakeClock)
    now: float = 1_800_000_000.0

    @property
    def book(self) -> KeyBook:
        """Another process's hands on the same keys."""
        return KeyBook(self.database, lambda: self.now)

    def ring(self, mode: Mode = Mode.AUTO) -> KeyRing:
        """A server's view."""
        return KeyRing(self.book, mode, clock=self.clock, now=lambda: self.now)

    def admission(self, mode: Mode = Mode.AUTO, config: AuthConfig | None = None) -> Admission:
        """A server's view, with limits by the real clock."""
        return Admission(self.ring(mode), Meter(config or AuthConfig()))


@contextmanager
def key_house(folder: Path) -> Iterator[KeyHouse]:
    """A house whose SQLite file is in this folder."""
    database = Database(StateConfig(folder=str(folder)), {})
    try:
        yield KeyHouse(database=database)
    finally:
        database.close()
