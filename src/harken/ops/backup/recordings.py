"""Recordings of jobs that have not ended: held fast while they are saved, and found again where they are restored.

A recording is never changed once its job is there, only removed when it has ended. So a second name for the same file
(a hard link) holds it fast at no cost, whoever removes the first. Where the file system has no links it is copied
instead, after everybody went on; what ended meanwhile is then missing, and its loss is none: its job's servers have the
result. The invariant: nothing that a server needs is changed or removed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harken.errors import StateUnavailable
from harken.ops.backup.errors import BackupFailed
from harken.ops.backup.names import recording
from harken.ops.backup.source import Waiting

if TYPE_CHECKING:
    from sqlalchemy import Connection

FOLDER = "recordings"


@dataclass(kw_only=True, slots=True)
class Held:
    """Recordings that stay as long as they are saved.

    Attributes:
        places: where each lies, by its name in the archive.
        missing: those that are not on the disk.
        elsewhere: how many lie on other machines, or are the operator's own.
    """

    places: dict[str, Path] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    elsewhere: int = 0
    unlinked: dict[str, Path] = field(default_factory=dict)

    def hold(self, waiting: Sequence[Waiting], folder: Path, shelf: str) -> None:
        """Give each recording of this shelf a second name in a folder of ours on the same file system.

        Raises:
            BackupFailed: our folder is gone.
            OSError: whether a recording is there cannot be told.
        """
        for file in waiting:
            if not file.is_ours or file.shelf != shelf:
                self.elsewhere += 1
                continue
            name = recording(file.job_id, file.number)
            place = folder / f"{file.job_id}.{file.number}"
            try:
                os.link(file.path, place)
                self.places[name] = place
            except FileNotFoundError:
                if Path(file.path).exists():
                    raise BackupFailed(f"{folder} is gone: something else removed it; try again.") from None
                self.missing.append(name)
            except OSError:
                self.unlinked[name] = Path(file.path)

    def copy_rest(self, folder: Path) -> None:
        """Copy those that could get no second name, as far as they are still there.

        Raises:
            OSError: one cannot be read or written.
        """
        for name, path in self.unlinked.items():
            place = folder / name.removeprefix(f"state/{FOLDER}/").replace("/", ".")
            try:
                shutil.copyfile(path, place)
                self.places[name] = place
            except FileNotFoundError as error:
                if error.filename != str(path):
                    raise
                self.missing.append(name)


def settle(connection: Connection, folder: Path, shelf: str) -> None:
    """Tell restored rows where their recordings lie now, and take files back from servers that are no more.

    Those servers' tries cost the files nothing: whoever claims one next goes on behind its finished pieces.

    Args:
        connection: writes.
        folder: the state folder in which a server will find it.
        shelf: the recordings' own; "" where there are none.
    """
    from sqlalchemy import String, case, cast, literal, update

    from harken.jobs.tables import files
    from harken.jobs.types import FileState

    place = literal(f"{folder / FOLDER}/") + files.c.job_id + literal("/") + cast(files.c.number, String)
    if shelf:
        connection.execute(update(files).where(files.c.is_ours, files.c.shelf == shelf).values(path=place))
    running = files.c.state == FileState.RUNNING.value
    connection.execute(
        update(files)
        .where(running)
        .values(
            state=FileState.QUEUED.value,
            lease=None,
            lease_ends_at=None,
            due_at=0.0,
            attempts=case((files.c.attempts > 0, files.c.attempts - 1), else_=0),
        )
    )


def needed(connection: Connection, shelf: str) -> set[str]:
    """The names of all recordings that unended files of this shelf need."""
    from sqlalchemy import select

    from harken.jobs.rows import unended
    from harken.jobs.tables import files

    query = select(files.c.job_id, files.c.number).where(unended(files), files.c.is_ours, files.c.shelf == shelf)
    return {recording(row.job_id, row.number) for row in connection.execute(query)}


def shelf_of(state: Path) -> str:
    """The word that names the shelf in a state folder; "" where there is none.

    Raises:
        StateUnavailable: it cannot be read.
    """
    try:
        return (state / FOLDER / ".id").read_text(errors="replace").strip(" \n\0")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise StateUnavailable(f"{state / FOLDER} cannot be read: {error.strerror}.") from error
