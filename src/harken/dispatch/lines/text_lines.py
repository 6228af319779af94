"""Bytes to lines, bounded.

Pure. An instance that never ends a line must not fill the gateway's memory; a real message is far below the bound.
"""

from __future__ import annotations

from harken.wire import WireError

LINE_BYTES_MAX = 1 << 20


class Lines:
    """Cuts a stream of chunks, of any size, at newlines.

    Args:
        line_bytes_max: the longest line that is accepted, its newline not counted.
    """

    def __init__(self, line_bytes_max: int = LINE_BYTES_MAX) -> None:
        self._line_bytes_max = line_bytes_max
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take a chunk; return the lines that it completes, without newlines and without empty ones.

        Raises:
            WireError: a line is too long.
        """
        searched = len(self._rest)
        self._rest += chunk
        end = self._rest.rfind(b"\n", searched)
        complete = bytes(self._rest[: end + 1])
        del self._rest[: end + 1]
        lines = [line for line in complete.split(b"\n") if line]
        if max(map(len, lines), default=0) > self._line_bytes_max or len(self._rest) > self._line_bytes_max:
            raise WireError(f"A line is longer than {self._line_bytes_max} bytes.")
        return lines
