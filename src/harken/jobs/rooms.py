"""What is opened together at the first use of jobs: the tables' views, and the shelf.

The only module beside these views that imports SQLAlchemy; `Jobs` imports it in a thread. Blocking.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.config import JobsConfig
from harken.jobs.leases import Leases
from harken.jobs.outbox import Outbox
from harken.jobs.presence import PRESENCE, Presence
from harken.jobs.secret import webhook_secret
from harken.jobs.shelf import Shelf
from harken.jobs.store import Store
from harken.jobs.tables import TABLES
from harken.state import Database

_RECORDINGS = "recordings"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rooms:
    """An open state of jobs.

    Attributes:
        store: for owners.
        leases: for workers.
        outbox: for the courier.
        shelf: for recordings.
        presence: for whose recordings can be read.
        secret: signs webhooks.
    """

    store: Store
    leases: Leases
    outbox: Outbox
    shelf: Shelf
    presence: Presence
    secret: str


def open_rooms(database: Database, config: JobsConfig) -> Rooms:
    """Open the database and make the folders.

    Raises:
        StateUnavailable: one of them cannot be used.
        ConfigError: the database's URL cannot.
    """
    engine = database.engine(TABLES)
    shelf = Shelf(database.folder / _RECORDINGS)
    place = shelf.id()
    secret = webhook_secret(config.webhook_secret, database.folder)
    return Rooms(
        store=Store(engine, shelf=place, files_waiting=config.files_waiting, keep_s=config.keep_s),
        leases=Leases(engine, shelf=place, lease_s=config.lease_s, attempts=config.attempts, keep_s=config.keep_s),
        outbox=Outbox(engine),
        shelf=shelf,
        presence=Presence(
            database.engine(PRESENCE), shelf=place, secret=secret, stranded_s=config.stranded_s, keep_s=config.keep_s
        ),
        secret=secret,
    )
