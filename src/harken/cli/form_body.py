"""A multipart form of many files, sent piece by piece: recordings are read while they go out, never whole.

The size is known beforehand, so the server can refuse what it has no room for before the first byte.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

_PIECE_BYTES = 256 * 1024


class FormBody:
    """The body of one request.

    Args:
        values: text fields, in order; a name may come several times.
        files: recordings, each with the field it is sent in.

    Raises:
        OSError: one cannot be read: it is missing, forbidden, or a folder.
    """

    def __init__(self, values: Sequence[tuple[str, str]], files: Sequence[tuple[str, Path]]) -> None:
        self._boundary = secrets.token_hex(16)
        self._values = values
        self._files = [(field, path, _size_of(path)) for field, path in files]

    @property
    def headers(self) -> dict[str, str]:
        """What the request's head says of it."""
        size = sum(len(self._text(name, value)) for name, value in self._values) + len(self._end())
        size += sum(len(self._head(field, path.name)) + length + 2 for field, path, length in self._files)
        return {
            "Content-Type": f"multipart/form-data; boundary={self._boundary}",
            "Content-Length": str(size),
        }

    async def pieces(self) -> AsyncIterator[bytes]:
        """The bytes, in order.

        Raises:
            OSError: a file cannot be read, or has another length than a moment ago.
        """
        for name, value in self._values:
            yield self._text(name, value)
        for field, path, length in self._files:
            yield self._head(field, path.name)
            file = await asyncio.to_thread(path.open, "rb")
            try:
                left = length
                while left > 0:
                    piece = await asyncio.to_thread(file.read, min(_PIECE_BYTES, left))
                    if not piece:
                        raise OSError(f"{path} became shorter while it was sent")
                    left -= len(piece)
                    yield piece
            finally:
                file.close()
            yield b"\r\n"
        yield self._end()

    def _text(self, name: str, value: str) -> bytes:
        head = f'--{self._boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n'
        return f"{head}{value}\r\n".encode(errors="replace")

    def _head(self, field: str, name: str) -> bytes:
        disposition = f'Content-Disposition: form-data; name="{field}"; filename="{_quoted(name)}"'
        kind = "Content-Type: application/octet-stream"
        return f"--{self._boundary}\r\n{disposition}\r\n{kind}\r\n\r\n".encode(errors="replace")

    def _end(self) -> bytes:
        return f"--{self._boundary}--\r\n".encode()


def _size_of(path: Path) -> int:
    """By opening it: what fails in the middle of a request looks like the server's fault."""
    with path.open("rb") as file:
        return os.fstat(file.fileno()).st_size


def _quoted(name: str) -> str:
    """As browsers do: what would end the header's value is written as %XX."""
    escaped = name.replace("\\", "%5C").replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    return "".join(character if character.isprintable() else "\ufffd" for character in escaped)
