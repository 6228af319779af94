"""Forms that are sent while their files are read, and names of result files."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from harken.api.multipart import FormParser
from harken.cli.form_body import FormBody
from harken.cli.reports import Report, tell


class _Files:
    """Collects the files of a form."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str, bytes]] = []

    def begin(self, field: str, filename: str) -> None:
        """Begin one."""
        self.found.append((field, filename, b""))

    def append(self, piece: memoryview) -> None:
        """Add to the last."""
        field, filename, data = self.found[-1]
        self.found[-1] = (field, filename, data + bytes(piece))

    def end(self) -> None:
        """It is whole."""

    def check_text(self, field: str) -> None:
        """Anything goes."""

    def finish(self) -> None:
        """Nothing is missing."""


async def _collect(body: FormBody) -> bytes:
    return b"".join([piece async for piece in body.pieces()])


def test_our_server_reads_what_our_client_writes(tmp_path: Path) -> None:
    """Fields, files with strange names, and exactly as many bytes as the head promises."""
    paths = [tmp_path / name for name in ("a.wav", '声 "音"\r\n.wav', "empty")]
    for path, data in zip(paths, (b"\r\n--x" * 100_000, b"two", b""), strict=True):
        path.write_bytes(data)
    body = FormBody([("language", "中文"), ("hotwords", "a"), ("hotwords", "b")], [("file", path) for path in paths])
    raw = asyncio.run(_collect(body))
    assert len(raw) == int(body.headers["Content-Length"])
    files = _Files()
    parser = FormParser(body.headers["Content-Type"].partition("boundary=")[2].encode(), files)
    parser.feed(raw)
    parser.finish()
    assert parser.fields == {"language": ["中文"], "hotwords": ["a", "b"]}
    assert [(field, data) for field, _, data in files.found] == [("file", path.read_bytes()) for path in paths]
    assert files.found[1][1].startswith("声")


def test_a_file_that_shrinks_while_it_is_sent_is_an_error(tmp_path: Path) -> None:
    """Half a recording must not look like a whole one."""
    path = tmp_path / "a.wav"
    path.write_bytes(b"long enough")
    body = FormBody([], [("file", path)])
    path.write_bytes(b"short")
    with pytest.raises(OSError, match="became shorter"):
        asyncio.run(_collect(body))


def test_results_never_overwrite_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Recordings of one name in several folders, or with several suffixes, get a file each."""
    names = ["x/a.wav", "y/a.wav", "a.mp3", "b.wav"]
    reports = [Report(file=name, fields={"text": name}) for name in names]
    failed = Report(file="c.wav", error="No.", code="bad")
    assert tell([*reports, failed], "txt", tmp_path) == 1
    texts = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert sorted(texts.values()) == sorted(f"{name}\n" for name in names)
    assert texts["b.txt"] == "b.wav\n"
    assert capsys.readouterr().err == "harken: c.wav: No. [bad]\n"


def test_what_cannot_be_read_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    """In the middle of a request it would look like the server's fault."""
    with pytest.raises(IsADirectoryError):
        FormBody([], [("file", tmp_path)])
    with pytest.raises(FileNotFoundError):
        FormBody([], [("file", tmp_path / "missing.wav")])
