"""The archive: whole or not at all, and nothing that a hostile one could do."""

from __future__ import annotations

import dataclasses
import fcntl
import io
import json
import os
import random
import resource
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harken.errors import StorageFull
from harken.ops.backup.archive import describe, unpack, write_archive
from harken.ops.backup.errors import BackupDamaged, BackupFailed, RestoreRefused
from harken.ops.backup.gzipped import Gzipped
from harken.ops.backup.manifest import FORMAT, NAME, Manifest, Member

SECRET = "state/webhook-secret"
CONFIG = "config/harken.toml"


def manifest_of(*members: Member, **more: object) -> Manifest:
    """A manifest with these members."""
    return dataclasses.replace(Manifest(harken="1", made_at="now", state_folder="/x", members=members), **more)  # type: ignore[arg-type]


def archive_of(folder: Path, *, size: int = 700) -> Path:
    """A small archive of two files."""
    contents = {SECRET: b"whsec_secret\n", CONFIG: random.Random(1).randbytes(size)}
    places = {name: folder / name.replace("/", "-") for name in contents}
    for name, data in contents.items():
        places[name].write_bytes(data)
    target = folder / "one.tar.gz"
    members = [describe(name, path) for name, path in places.items()]
    write_archive(target, manifest_of(*members), places, replaces=False)
    return target


def handmade(path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    """An archive with a right checksum, and whatever else in it."""
    with path.open("w+b") as file:
        packed = Gzipped(file)
        for info, data in entries:
            packed.write(info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512))
        packed.write(bytes(1024))
        packed.finish()
    return path


def plain(name: str, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    """A member that is a plain file."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info, data


def note(name: str = SECRET, data: bytes = b"", **more: object) -> tuple[tarfile.TarInfo, bytes]:
    """A manifest that names one member."""
    import hashlib

    member = Member(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())
    return plain(NAME, manifest_of(member, **more).to_bytes())


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    """With the modes that secrets need, and readable for any tar."""
    target = archive_of(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    manifest = unpack(target, out)
    assert [member.name for member in manifest.members] == [SECRET, CONFIG]
    assert (out / SECRET).read_bytes() == b"whsec_secret\n"
    assert oct(target.stat().st_mode)[-3:] == oct((out / SECRET).stat().st_mode)[-3:] == "600"
    listed = subprocess.run(["tar", "tzf", target], capture_output=True, text=True, check=True).stdout
    assert listed.splitlines() == [NAME, SECRET, CONFIG]


@pytest.mark.slow
def test_a_bit_that_flips_anywhere_is_found(tmp_path: Path) -> None:
    """Header, manifest, data, padding, checksum: each bit of each byte."""
    data = archive_of(tmp_path, size=100).read_bytes()
    broken, out = tmp_path / "broken.tar.gz", tmp_path / "out"
    out.mkdir()
    for place in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            broken.write_bytes(changed)
            with pytest.raises(BackupDamaged):
                unpack(broken, out)
    assert not any(out.iterdir())


@pytest.mark.parametrize("left", [0, 1, 9, 10, 47, 48, 100, -9, -8, -1])
def test_a_cut_archive_is_found(tmp_path: Path, left: int) -> None:
    """Wherever it ends."""
    target = archive_of(tmp_path)
    target.write_bytes(target.read_bytes()[:left])
    with pytest.raises(BackupDamaged):
        unpack(target, tmp_path / "out")


@pytest.mark.parametrize("more", [b"\0", b"more", bytes(512)])
def test_an_archive_that_goes_on_is_found(tmp_path: Path, more: bytes) -> None:
    """Bytes behind its end belong to nothing."""
    target = archive_of(tmp_path)
    target.write_bytes(target.read_bytes() + more)
    with pytest.raises(BackupDamaged):
        unpack(target, tmp_path / "out")


def test_a_file_of_another_program_is_none_of_ours(tmp_path: Path) -> None:
    """Also a tar of the same files."""
    for name, data in {"empty": b"", "text": b"hello", "zip": b"PK\x03\x04"}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BackupDamaged):
            unpack(tmp_path / name, tmp_path / "out")
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as other:
        other.addfile(*_as_file(note()))
    with pytest.raises(BackupDamaged, match="harken backup"):
        unpack(tmp_path / "other.tar.gz", tmp_path / "out")


def _as_file(entry: tuple[tarfile.TarInfo, bytes]) -> tuple[tarfile.TarInfo, io.BytesIO]:
    return entry[0], io.BytesIO(entry[1])


def _link(kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(SECRET)
    info.type, info.linkname = kind, "/etc/passwd"
    return info, b""


HOSTILE: dict[str, list[tuple[tarfile.TarInfo, bytes]]] = {
    "nothing": [],
    "no manifest": [plain(SECRET, b"x")],
    "a manifest that is none": [plain(NAME, b"[]")],
    "a manifest of NaN": [plain(NAME, b'{"format": NaN}')],
    "a deep manifest": [plain(NAME, b"[" * 100_000)],
    "a negative size": [plain(NAME, note()[1].replace(b'"size": 0', b'"size": -1'))],
    "a name above": [note("state/../../evil", b"x"), plain("state/../../evil", b"x")],
    "an absolute name": [note("/tmp/evil", b"x"), plain("/tmp/evil", b"x")],
    "a name that no backup has": [note("state/harken.db-wal", b"x"), plain("state/harken.db-wal", b"x")],
    "a symbolic link": [note(), _link(tarfile.SYMTYPE)],
    "a hard link": [note(), _link(tarfile.LNKTYPE)],
    "a device": [note(), _link(tarfile.CHRTYPE)],
    "a folder": [note(), _link(tarfile.DIRTYPE)],
    "another member": [note(SECRET, b"x"), plain(CONFIG, b"x")],
    "another size": [note(SECRET, b"x"), plain(SECRET, b"xx")],
    "another content": [note(SECRET, b"x"), plain(SECRET, b"y")],
    "one too few": [note(SECRET, b"x")],
    "one too many": [note(SECRET, b"x"), plain(SECRET, b"x"), plain(CONFIG, b"x")],
    "one twice": [note(SECRET, b"x"), plain(SECRET, b"x"), plain(SECRET, b"x")],
}


@pytest.mark.parametrize("entries", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_archive_writes_nothing_outside(tmp_path: Path, entries: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    """Its checksum is right, and its content is refused."""
    target = handmade(tmp_path / "evil.tar.gz", *entries)
    out = tmp_path / "a" / "b" / "out"
    out.mkdir(parents=True)
    with pytest.raises(BackupDamaged):
        unpack(target, out)
    assert {path for path in tmp_path.rglob("*") if not path.is_relative_to(out)} == {
        target,
        tmp_path / "a",
        tmp_path / "a" / "b",
    }


def test_a_name_that_is_there_twice_in_the_manifest_is_refused(tmp_path: Path) -> None:
    """One of the two would go unseen."""
    found = json.loads(note(SECRET, b"x")[1])
    found["members"] *= 2
    target = handmade(tmp_path / "evil.tar.gz", plain(NAME, json.dumps(found).encode()))
    with pytest.raises(BackupDamaged, match="twice"):
        unpack(target, tmp_path / "out")


def test_a_newer_format_is_refused_by_name(tmp_path: Path) -> None:
    """Whatever else a newer Harken puts into it."""
    newer = json.dumps({"format": FORMAT + 1, "harken": "9.0", "unheard": "of"}).encode()
    with pytest.raises(RestoreRefused, match=r"newer Harken.*9\.0"):
        unpack(handmade(tmp_path / "newer.tar.gz", plain(NAME, newer)), tmp_path / "out")


def test_an_archive_that_is_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """Without --replace for ever; with it until the last moment."""
    target = archive_of(tmp_path)
    before = target.read_bytes()
    secret = tmp_path / "state-webhook-secret"
    members = [describe(SECRET, secret)]
    with pytest.raises(BackupFailed, match="there already"):
        write_archive(target, manifest_of(*members), {SECRET: secret}, replaces=False)
    secret.write_text("it changed meanwhile")
    with pytest.raises(BackupFailed, match="changed while"):
        write_archive(target, manifest_of(*members), {SECRET: secret}, replaces=True)
    assert target.read_bytes() == before
    write_archive(target, manifest_of(describe(SECRET, secret)), {SECRET: secret}, replaces=True)
    assert target.read_bytes() != before
    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_two_backups_to_one_file_are_not_mixed(tmp_path: Path) -> None:
    """The second is refused as long as the first writes; what a killed one left is no hindrance."""
    draft = tmp_path / ".one.tar.gz.partial"
    draft.write_text("of a killed process")
    with draft.open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BackupFailed, match="Another backup"):
            archive_of(tmp_path)
        assert draft.exists()
    target = archive_of(tmp_path)
    (tmp_path / "out").mkdir()
    unpack(target, tmp_path / "out")
    assert not draft.exists()


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


FILLING = """
import sys
from pathlib import Path
from tests.ops.backup.test_archive import archive_of
from harken.errors import StorageFull
try:
    archive_of(Path(sys.argv[1]), size=199_000)
    archive_of(Path(sys.argv[1]) / "again", size=199_990)
except StorageFull as error:
    sys.exit(f"full: {error.message}")
"""


@pytest.mark.slow
def test_a_full_disk_leaves_nothing_of_an_archive(tmp_path: Path) -> None:
    """The second one does not fit; the first stays."""
    (tmp_path / "again").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", FILLING, tmp_path],
        preexec_fn=_limited,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])},
    )
    assert done.returncode == 1, done.stderr
    assert "full: " in done.stderr
    assert "has no room" in done.stderr
    assert not [path for path in (tmp_path / "again").iterdir() if "tar.gz" in path.name]
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "one.tar.gz", tmp_path / "out")


@pytest.mark.slow
def test_a_disk_that_fills_up_while_unpacking_is_said_so(tmp_path: Path, small_disk: Callable[[int], Path]) -> None:
    """A real file system of a megabyte."""
    target = archive_of(tmp_path, size=3_000_000)
    with pytest.raises(StorageFull):
        unpack(target, small_disk(1))
