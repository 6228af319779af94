"""What has arrived of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from harken.ops.pull.partial import PartialFile


def partial(folder: Path) -> PartialFile:
    """A file of three parts: 4, 4 and 2 bytes."""
    return PartialFile(folder / "x", folder / "x.journal", part_bytes=4)


@pytest.mark.parametrize("is_checked", [True, False])
def test_what_was_written_is_there_for_the_next_one(tmp_path: Path, is_checked: bool) -> None:
    """Without any ending: as after SIGKILL."""
    first = partial(tmp_path)
    first.begin(10, "etag", is_checked=is_checked)
    first.write(1, b"4567")
    first.write(0, b"01")
    second = partial(tmp_path)
    second.begin(10, "etag", is_checked=is_checked)
    assert (second.counts, second.missing, second.arrived) == ([2, 4, 0], [0, 2], 6)
    second.write(0, b"23")
    second.write(2, b"89")
    assert second.missing == []
    assert second.data.read_bytes() == b"0123456789"
    first.close()
    second.close()


@pytest.mark.parametrize(("size", "identity"), [(10, "other"), (9, "etag"), (10, "")])
def test_bytes_of_another_content_are_not_kept(tmp_path: Path, size: int, identity: str) -> None:
    """Another digest or ETag, another size, or nothing that tells."""
    first = partial(tmp_path)
    first.begin(10, "etag", is_checked=True)
    first.write(1, b"4567")
    first.begin(size, identity, is_checked=True)
    assert first.arrived == 0
    first.close()


@pytest.mark.parametrize("damage", ["short-data", "no-data", "short-journal", "impossible-count", "no-journal"])
def test_a_damaged_journal_or_file_is_begun_anew(tmp_path: Path, damage: str) -> None:
    """Whatever happened to them."""
    first = partial(tmp_path)
    first.begin(10, "etag", is_checked=True)
    first.write(1, b"4567")
    first.close()
    data, journal = tmp_path / "x", tmp_path / "x.journal"
    match damage:
        case "short-data":
            data.write_bytes(b"0")
        case "no-data":
            data.unlink()
        case "short-journal":
            journal.write_bytes(journal.read_bytes()[:-1])
        case "impossible-count":
            journal.write_bytes(journal.read_bytes()[:-8] + b"\xff" * 8)
        case _:
            journal.unlink()
    first.begin(10, "etag", is_checked=True)
    assert (first.arrived, data.stat().st_size) == (0, 10)
    first.close()


def test_without_a_digest_nothing_is_kept_over_a_restart_of_the_machine(tmp_path: Path) -> None:
    """Counts may have outlived their bytes, and nobody would notice."""
    first = partial(tmp_path)
    first.begin(10, "etag", is_checked=False)
    first.write(1, b"4567")
    first.close()
    journal = tmp_path / "x.journal"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    assert boot.encode() in journal.read_bytes()
    journal.write_bytes(journal.read_bytes().replace(boot.encode(), b"0" * len(boot)))
    first.begin(10, "etag", is_checked=False)
    assert first.arrived == 0
    first.close()


def test_an_empty_file_is_whole_at_once(tmp_path: Path) -> None:
    """It has one part of no bytes."""
    empty = partial(tmp_path)
    empty.begin(0, "etag", is_checked=True)
    assert empty.missing == []
    empty.close()


def test_what_is_discarded_is_gone(tmp_path: Path) -> None:
    """Data and journal."""
    one = partial(tmp_path)
    one.begin(10, "etag", is_checked=True)
    one.discard()
    assert list(tmp_path.iterdir()) == []
