"""Server-side paths: only what the operator allowed, wherever links lead."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from harken.errors import ClientError, NotPermitted, UploadTooLarge
from harken.jobs.paths import allowed_folders, named_file, open_named


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """An allowed folder with a recording, beside a secret."""
    (tmp_path / "secret").write_bytes(b"secret")
    folder = tmp_path / "inside"
    folder.mkdir()
    (folder / "a.wav").write_bytes(b"audio")
    return folder


def test_a_file_in_an_allowed_folder_is_taken(inside: Path) -> None:
    """By its real path, with a stamp that changes when it does."""
    (inside / "link.wav").symlink_to(inside / "a.wav")
    file = named_file(str(inside / "link.wav"), [inside], max_bytes=10)
    assert (file.name, file.path, file.is_ours) == (str(inside / "link.wav"), str(inside / "a.wav"), False)
    opened, stamp = open_named(file.path, [inside])
    with opened:
        assert (opened.read(), stamp) == (b"audio", file.stamp)
    (inside / "a.wav").write_bytes(b"other audio")
    again, stamp = open_named(file.path, [inside])
    again.close()
    assert stamp != file.stamp


@pytest.mark.parametrize(
    "way", ["../secret", "../inside/../secret", "escape/secret", "linked", "../nothing", "../insider"]
)
def test_nothing_outside_is_read_or_told(inside: Path, way: str) -> None:
    """Dots, links to folders and to files, a folder whose name begins alike; what exists and what does not."""
    (inside / "escape").symlink_to(inside.parent)
    (inside / "linked").symlink_to(inside.parent / "secret")
    (inside.parent / "insider").write_bytes(b"")
    for take in (lambda path: named_file(path, [inside], max_bytes=10), lambda path: open_named(path, [inside])):
        with pytest.raises(NotPermitted, match="not in a folder that jobs may read"):
            take(str(inside / way))


def test_a_link_that_moved_after_the_job_was_accepted_is_followed_no_more(inside: Path) -> None:
    """The path is checked again when the file is opened."""
    file = named_file(str(inside / "a.wav"), [inside], max_bytes=10)
    (inside / "a.wav").unlink()
    (inside / "a.wav").symlink_to(inside.parent / "secret")
    with pytest.raises(NotPermitted):
        open_named(file.path, [inside])


def test_what_is_no_file_is_refused(inside: Path) -> None:
    """Folders, missing files, relative paths, NUL, too many bytes."""
    for path in (str(inside), str(inside / "missing"), "inside/a.wav", f"{inside}/a.wav\0"):
        with pytest.raises(ClientError):
            named_file(path, [inside], max_bytes=10)
    with pytest.raises(UploadTooLarge):
        named_file(str(inside / "a.wav"), [inside], max_bytes=4)


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device"])
def test_only_regular_files_are_opened_and_nothing_is_waited_for(inside: Path, kind: str) -> None:
    """A pipe that nobody writes to would keep a thread for ever; neither at the door nor when work begins."""
    path = inside / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path, inside = Path("/dev/null"), Path("/dev")
    else:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(os.path.relpath(path))
    with pytest.raises(ClientError):
        named_file(str(path), [inside], max_bytes=10)
    with pytest.raises(ClientError):
        open_named(str(path), [inside])


def test_without_folders_no_path_is_taken(inside: Path) -> None:
    """The default."""
    assert allowed_folders("") == ()
    assert allowed_folders("/a:/b") == (Path("/a"), Path("/b"))
    with pytest.raises(NotPermitted, match="upload them"):
        named_file(str(inside / "a.wav"), [], max_bytes=10)
