"""`harken backup` and `harken restore`: they do it, and print what is in the file and what is to be done next.

Decides nothing about archives. The invariants: standard output is the result alone, a sentence or one JSON object, and
whether somebody reads it changes nothing about what was done; what an archive says of itself cannot speak to the
terminal.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from rich.status import Status

from harken.cli.logs import quietly
from harken.cli.screen import Screen
from harken.config import load_config
from harken.errors import ConfigError
from harken.ops.backup import making, restoring
from harken.ops.backup.manifest import Manifest

_KEPT = {"jobs": "jobs", "files": "files", "keys": "api_keys"}
_TERMINATED = 128 + signal.SIGTERM


def make(wanted: making.Wanted, *, as_json: bool) -> None:
    """Make a backup and print what is in it."""
    with _working("backing up") as status:
        made = making.make_backup(wanted, os.environ, on_step=lambda step: status.update(f"backing up: {step}"))
    quietly(lambda: _tell_made(made, as_json=as_json))


def verify(archive: Path, *, as_json: bool) -> None:
    """Try an archive and print what it holds."""
    with _working("verifying"):
        manifest = restoring.verify_backup(archive)
    quietly(lambda: _tell_good(archive, manifest, as_json=as_json))


def restore(asked: restoring.Asked, *, as_json: bool) -> None:
    """Restore an archive and print what came of it."""
    with _working("restoring") as status:
        done = restoring.restore(asked, on_step=lambda step: status.update(f"restoring: {step}"))
    quietly(lambda: _tell_restored(asked, done, as_json=as_json))


def _tell_made(made: making.Made, *, as_json: bool) -> int:
    manifest = made.manifest
    if as_json:
        print(json.dumps({"file": str(made.path), "bytes": made.size, **_fields(manifest)}, indent=2))
        return 0
    print(f"{made.path}: {_bytes(made.size)}, {_told(manifest)}.")
    _tell_models(manifest, "this machine")
    _warn(manifest)
    return 0


def _tell_good(archive: Path, manifest: Manifest, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"file": str(archive), "is_good": True, **_fields(manifest)}, indent=2))
        return 0
    made_at = _clean(manifest.made_at)
    print(f"{archive}: good; of {made_at}, {_told(manifest)}. It was restored for trial, and its rows counted.")
    _warn(manifest)
    return 0


def _tell_restored(asked: restoring.Asked, done: restoring.Restored, *, as_json: bool) -> int:
    manifest = done.manifest
    if as_json:
        aside = {str(old): str(now) for old, now in done.aside.items()}
        place = {"state_folder": str(asked.place), "is_dry_run": asked.is_dry, "moved_aside": aside}
        print(json.dumps({**place, **_fields(manifest)}, indent=2))
        return 0
    verb = "would become" if asked.is_dry else "is now"
    print(f"{asked.place} {verb} the state of {_clean(manifest.made_at)}: {_told(manifest)}.")
    for old, now in done.aside.items():
        print(f"What was at {old} is at {now}.")
    _tell_models(manifest, "the machine that was saved")
    _warn(manifest)
    if not asked.is_dry:
        _tell_next(asked, manifest)
    return 0


def _tell_next(asked: restoring.Asked, manifest: Manifest) -> None:
    """Say what a server must be told so that it uses what was restored."""
    for role in ("model", "aligner"):
        if any(member.name.startswith(f"{role}/") for member in manifest.members):
            print(f"Its {role}'s files are in {asked.place / role}: --{role} {asked.place / role}")
    if manifest.database not in ("", "sqlite") and not asked.database:
        print(f"Its database was {_clean(manifest.database)}; it is SQLite now: leave state.database empty.")
    if asked.database:
        print("Its rows are in the database that you named: set state.database to it.")
    if asked.config_place is not None:
        print(f"Its configuration is {asked.config_place}.")
        _compare_config(asked)


def _compare_config(asked: restoring.Asked) -> None:
    assert asked.config_place is not None, "only where one was restored"
    try:
        state = load_config(asked.config_place).state
    except ConfigError as error:
        print(f"harken: it cannot be used as it is: {error.message}", file=sys.stderr)
        return
    if not state.folder or Path(state.folder).expanduser().absolute() != asked.place:
        print(f'It does not name the restored state folder; set [state] folder = "{asked.place}".')
    if state.database and state.database != asked.database:
        print("It names another database in [state]; it is not the restored one.")


def _told(manifest: Manifest) -> str:
    counts = manifest.counts
    if not manifest.database:
        return "no jobs and no keys yet"
    recordings = sum(name.startswith("state/recordings/job_") for name in manifest.names())
    kept = ", ".join(f"{word}: {counts.get(table, 0)}" for word, table in _KEPT.items())
    return f"{kept}, recordings of unended files: {recordings}"


def _tell_models(manifest: Manifest, machine: str) -> None:
    for model in manifest.models:
        if model.is_absent:
            print(_clean(f"{model.role} {model.spec}: not on {machine}"))
        size = sum(member.size for member in model.files)
        if model.files:
            revision = f" at {model.revision}" if model.revision else ""
            place = "in the backup" if model.is_included else "not in the backup"
            print(_clean(f"{model.role}: {model.name}{revision}, {_bytes(size)}, {place}"))


def _warn(manifest: Manifest) -> None:
    if manifest.missing:
        print(f"harken: {len(manifest.missing)} recordings of unended files were not on the disk", file=sys.stderr)
    if manifest.elsewhere:
        told = "unended files have their recordings elsewhere (other machines, or folders of jobs.paths)"
        print(f"harken: {manifest.elsewhere} {told}; those are not in the backup", file=sys.stderr)


def _clean(text: str) -> str:
    """What an archive says, for a terminal: it may come from anybody."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _fields(manifest: Manifest) -> dict[str, object]:
    found: dict[str, object] = json.loads(manifest.to_bytes())
    return found


def _bytes(size: int) -> str:
    if size < 1_000_000:
        return f"{size / 1000:.1f} kB"
    return f"{size / 1e6:.1f} MB" if size < 1_000_000_000 else f"{size / 1e9:.2f} GB"


@contextmanager
def _working(what: str) -> Iterator[Status]:
    """Show that it goes on; SIGTERM ends it as Ctrl-C does, so that nothing is left."""

    def leave(*_: object) -> NoReturn:
        sys.exit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        with Screen(stderr=True).status(what, spinner="line") as status:
            yield status
    finally:
        signal.signal(signal.SIGTERM, before)
