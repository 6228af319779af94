"""A state saved and brought back, with SQLite and PostgreSQL on either side."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import sqlite3
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harken.config import JobsConfig, StateConfig, load_config
from harken.errors import ConfigError, HarkenError
from harken.jobs.rooms import open_rooms
from harken.keys import KeyBook
from harken.keys.secret import digest_of
from harken.ops.backup import making, names
from harken.ops.backup.archive import unpack, write_archive
from harken.ops.backup.errors import BackupDamaged, BackupFailed, RestoreRefused
from harken.ops.backup.manifest import Manifest
from harken.ops.backup.passing import MARK
from harken.ops.backup.restoring import Asked, restore, verify_backup
from harken.state import Database
from tests.jobs.house import PIECE, RESULT
from tests.jobs.postgres import url_of
from tests.ops.backup.house import FLEET, House, add_job, claim, everything, furnish, save

_numbers = itertools.count()


@pytest.fixture
def house(state: StateConfig) -> House:
    """A state with something of everything in it."""
    return furnish(dataclasses.replace(state, folder=str(Path(state.folder) / "old")))


@pytest.fixture
def archive(house: House, tmp_path: Path) -> Path:
    """A backup of it."""
    target = tmp_path / "harken.tar.gz"
    save(house, target)
    return target


def assert_lives(house: House, config: StateConfig) -> None:
    """A server on that state goes on where the other one was."""
    database = Database(config, {})
    try:
        keys = KeyBook(database)
        assert keys.read().in_use[digest_of(house.secret)].is_admin
        assert len(keys.all()) == 2
        rooms = open_rooms(database, JobsConfig())
        assert rooms.store.result(house.done.id, 0) == RESULT
        assert not rooms.shelf.tidy(rooms.store.needed, now=time.time() + 1e6)
        found = {}
        for _ in range(3):
            held = claim(rooms)
            found[held.job_id, held.number] = (Path(held.path).read_bytes(), held.attempts)
            if held.job_id == house.half_done.id:
                assert rooms.leases.recall(held, "maker") == [PIECE]
            assert rooms.leases.finish(held, RESULT, now=time.time())
        assert found == {
            (house.half_done.id, 0): (b"two", 1),
            (house.queued.id, 0): (b"three", 1),
            (house.queued.id, 1): (b"four", 1),
        }
        assert add_job(rooms, b"five").counts.queued == 1
    finally:
        database.close()


def test_a_server_goes_on_from_a_backup(house: House, archive: Path, tmp_path: Path) -> None:
    """Keys, results, finished pieces and recordings are there; what was being worked on costs no try."""
    place = tmp_path / "new"
    restore(Asked(archive=archive, place=place))
    assert_lives(house, StateConfig(folder=str(place)))
    assert (place / "run" / "7860" / "fleet.json").read_text() == FLEET
    assert (place / "webhook-secret").read_bytes() == (house.folder / "webhook-secret").read_bytes()


def test_everything_is_for_its_owner_alone(archive: Path, tmp_path: Path) -> None:
    """Folders 0700, files 0600; a job's folder has the mark by which the shelf knows it."""
    place = tmp_path / "new"
    restore(Asked(archive=archive, place=place))
    modes = {path.relative_to(place).parts: stat.S_IMODE(path.stat().st_mode) for path in (place, *place.rglob("*"))}
    for parts, mode in modes.items():
        is_job = len(parts) == 2 and parts[0] == "recordings" and parts[1].startswith("job_")
        assert mode == (0o1700 if is_job else 0o700 if place.joinpath(*parts).is_dir() else 0o600), parts
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600


@pytest.mark.slow
def test_a_backup_of_either_database_goes_into_postgresql(
    house: House, archive: Path, tmp_path: Path, postgres: str
) -> None:
    """New rows get numbers behind the restored ones; the state folder has no SQLite file then."""
    url = url_of(postgres, f"restored{next(_numbers)}")
    place = tmp_path / "new"
    restore(Asked(archive=archive, place=place, database=url))
    assert not (place / "harken.db").exists()
    assert_lives(house, StateConfig(folder=str(place), database=url))
    with pytest.raises(RestoreRefused, match="has rows already"):
        restore(Asked(archive=archive, place=tmp_path / "newer", database=url, replaces=True))
    assert not (tmp_path / "newer").exists()


def test_the_old_state_is_not_changed(house: House, archive: Path, tmp_path: Path) -> None:
    """Neither by the backup nor by the restore; nothing passing is left anywhere."""
    before = everything(house.folder)
    save(house, tmp_path / "again.tar.gz")
    restore(Asked(archive=archive, place=tmp_path / "new"))
    assert everything(house.folder) == before
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith((MARK, ".harken"))]


def test_an_empty_folder_is_filled_and_a_full_one_refused(archive: Path, tmp_path: Path, house: House) -> None:
    """With --replace the old one is moved aside, whole."""
    place = tmp_path / "new"
    place.mkdir()
    restore(Asked(archive=archive, place=place))
    first = everything(place)
    with pytest.raises(RestoreRefused, match="not empty"):
        restore(Asked(archive=archive, place=place))
    (place / "mine").write_text("precious")
    done = restore(Asked(archive=archive, place=place, replaces=True))
    assert everything(place) == first
    assert everything(done.aside[place]) == {**first, "mine": b"precious"}


def test_a_link_to_the_state_folder_stays_one(archive: Path, tmp_path: Path, house: House) -> None:
    """What it leads to is replaced; recordings are found by the name that servers use."""
    real, link = tmp_path / "disk" / "state", tmp_path / "state"
    real.mkdir(parents=True)
    (real / "webhook-secret").write_text("old")
    link.symlink_to(real)
    done = restore(Asked(archive=archive, place=link, replaces=True))
    assert link.is_symlink()
    assert (done.aside[real] / "webhook-secret").read_text() == "old"
    assert_lives(house, StateConfig(folder=str(link)))


def test_a_dry_run_changes_nothing(archive: Path, tmp_path: Path) -> None:
    """It finds what a real one would find."""
    before = sorted(tmp_path.iterdir())
    asked = Asked(archive=archive, place=tmp_path / "a" / "new", config_place=tmp_path / "new.toml", is_dry=True)
    assert restore(asked).manifest.counts["jobs"] == 3
    assert sorted(tmp_path.iterdir()) == before
    with pytest.raises(RestoreRefused):
        restore(dataclasses.replace(asked, place=tmp_path))


def test_a_damaged_backup_touches_nothing(archive: Path, tmp_path: Path) -> None:
    """Not even what it was told to replace."""
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 4
    archive.write_bytes(data)
    place = tmp_path / "place"
    place.mkdir()
    (place / "webhook-secret").write_text("precious")
    with pytest.raises(BackupDamaged):
        verify_backup(archive)
    with pytest.raises(BackupDamaged):
        restore(Asked(archive=archive, place=place, replaces=True))
    assert everything(place) == {"webhook-secret": b"precious"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((MARK, "place."))]


def remade(archive: Path, folder: Path, change: Callable[[Manifest], Manifest]) -> Path:
    """The archive again, with right checksums and another word on what is in it."""
    folder.mkdir()
    manifest = change(unpack(archive, folder))
    target = folder / "remade.tar.gz"
    places = {member.name: folder / member.name for member in manifest.members}
    write_archive(target, manifest, places, replaces=False)
    return target


def test_rows_that_are_not_those_of_the_manifest_are_found(archive: Path, tmp_path: Path) -> None:
    """A checksum says that a file is the same; the counts say that it was the right one."""

    def miscounted(manifest: Manifest) -> Manifest:
        return dataclasses.replace(manifest, counts={**manifest.counts, "api_keys": 3})

    with pytest.raises(BackupDamaged, match="api_keys 2 instead of 3"):
        verify_backup(remade(archive, tmp_path / "odd", miscounted))


def test_a_recording_that_a_file_needs_and_that_is_not_there_is_found(
    house: House, archive: Path, tmp_path: Path
) -> None:
    """Unless the backup says itself that it was lost before."""
    lost = names.recording(house.queued.id, 1)

    def without(manifest: Manifest) -> Manifest:
        return dataclasses.replace(manifest, members=tuple(one for one in manifest.members if one.name != lost))

    def told(manifest: Manifest) -> Manifest:
        return dataclasses.replace(without(manifest), missing=(lost,))

    with pytest.raises(BackupDamaged, match="1 recordings that the database needs"):
        verify_backup(remade(archive, tmp_path / "lost", without))
    assert verify_backup(remade(archive, tmp_path / "told", told)).missing == (lost,)


def test_the_configuration_is_restored_where_it_should(house: House, tmp_path: Path) -> None:
    """The file itself, comments included; one that is there keeps its mode and is moved aside."""
    own = tmp_path / "harken.toml"
    own.write_text("# mine\n[gateway]\nport = 7000\n")
    save(house, tmp_path / "a.tar.gz", config_file=own)
    asked = Asked(archive=tmp_path / "a.tar.gz", place=tmp_path / "new", config_place=tmp_path / "new.toml")
    restore(asked)
    assert (tmp_path / "new.toml").read_bytes() == own.read_bytes()
    with pytest.raises(RestoreRefused, match=r"new\.toml is there already"):
        restore(dataclasses.replace(asked, place=tmp_path / "newer"))
    own.chmod(0o640)
    done = restore(dataclasses.replace(asked, place=tmp_path / "newer", config_place=own, replaces=True))
    assert stat.S_IMODE(own.stat().st_mode) == 0o640
    assert done.aside[own].read_bytes() == own.read_bytes()
    with pytest.raises(ConfigError):
        restore(dataclasses.replace(asked, place=tmp_path / "newest", config_place=tmp_path / "no" / "x.toml"))


def test_without_a_file_the_effective_configuration_is_restored(house: House, archive: Path, tmp_path: Path) -> None:
    """It means the same."""
    restore(Asked(archive=archive, place=tmp_path / "new", config_place=tmp_path / "new.toml"))
    assert load_config(tmp_path / "new.toml") == house.config


@pytest.mark.slow
def test_weights_and_logs_are_part_of_it_where_they_are_wanted(house: House, archive: Path, tmp_path: Path) -> None:
    """Otherwise the manifest says which model it was, and no log is in it."""
    logs = house.folder / "run" / "7860" / "logs"
    logs.mkdir()
    (logs / "gateway.log").write_text("{}\n")
    (logs / "odd name.log").write_text("{}\n")
    passing = house.folder / "run" / "40000"
    passing.mkdir()
    for name in ("passing", "fleet.json"):
        (passing / name).write_text("{}")
    made = save(house, tmp_path / "all.tar.gz", with_weights=True, with_logs=True)
    assert not [name for name in made.manifest.names() if "40000" in name]
    assert made.manifest.models[0].is_included
    place = tmp_path / "new"
    restore(Asked(archive=made.path, place=place))
    assert (place / "run" / "7860" / "logs" / "gateway.log").read_text() == "{}\n"
    assert {path.name for path in (place / "model").iterdir()} >= {"config.json", "model.safetensors"}
    without = restore(Asked(archive=archive, place=tmp_path / "without")).manifest
    assert without.models[0].files
    assert not [name for name in without.names() if name.startswith(("model", "state/run/7860/logs"))]


def test_a_state_of_nothing_can_be_saved_and_restored(tmp_path: Path) -> None:
    """A server that never had a key or a job."""
    config = load_config(flags={"state": {"folder": str(tmp_path / "none")}})
    made = making.make_backup(making.Wanted(target=tmp_path / "a.tar.gz", config=config), {})
    assert not made.manifest.database
    assert made.manifest.names() == {names.EFFECTIVE_CONFIG}
    assert not (tmp_path / "none").exists()
    restore(Asked(archive=made.path, place=tmp_path / "new"))
    assert everything(tmp_path / "new") == {}


def test_older_tables_are_brought_up_to_date_and_newer_ones_refused(tmp_path: Path) -> None:
    """By the steps that a server takes itself, on the copy alone."""
    house = furnish(StateConfig(folder=str(tmp_path / "old")))
    with contextlib.closing(sqlite3.connect(house.folder / "harken.db")) as connection:
        connection.execute("ALTER TABLE api_keys DROP COLUMN priority")
        connection.execute("UPDATE schema_versions SET version = 1 WHERE room = 'keys'")
        connection.commit()
    made = save(house, tmp_path / "older.tar.gz")
    restore(Asked(archive=made.path, place=tmp_path / "new"))
    assert_lives(house, StateConfig(folder=str(tmp_path / "new")))
    with contextlib.closing(sqlite3.connect(house.folder / "harken.db")) as connection:
        connection.execute("UPDATE schema_versions SET version = 99 WHERE room = 'jobs'")
        connection.commit()
    made = save(house, tmp_path / "newer.tar.gz")
    with pytest.raises(BackupDamaged, match="version 99 of the tables for jobs"):
        restore(Asked(archive=made.path, place=tmp_path / "newest"))


@pytest.mark.parametrize("name", ["harken.zip", ".tar.gz", "harken.tar.zst", "no/folder.tar.gz"])
def test_an_impossible_name_is_seen_at_once(tmp_path: Path, name: str) -> None:
    """Before anything is read."""
    with pytest.raises(ConfigError):
        making.make_backup(making.Wanted(target=tmp_path / name, config=load_config()), {})


def test_a_folder_of_the_archive_s_name_is_no_place_for_it(house: House, tmp_path: Path) -> None:
    """With --replace neither."""
    (tmp_path / "a.tar.gz").mkdir()
    with pytest.raises(BackupFailed):
        save(house, tmp_path / "a.tar.gz", replaces=True)


def test_a_backup_that_is_not_there_or_a_folder_is_said_so(tmp_path: Path) -> None:
    """In one sentence, as any failure."""
    for path in (tmp_path / "none.tar.gz", tmp_path):
        with pytest.raises(HarkenError, match=str(path)):
            verify_backup(path)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_root_restores_for_the_owner_of_the_place(archive: Path, tmp_path: Path) -> None:
    """The servers' user can use what root put there."""
    place = tmp_path / "new"
    place.mkdir()
    os.chown(place, 12345, 12345)
    restore(Asked(archive=archive, place=place))
    assert {path.stat().st_uid for path in (place, *place.rglob("*"))} == {12345}
