"""The body of a request, sent from where it lies.

aiohttp copies what it is given as a file twice before it is sent, and warns of large bytes because sending them might
hold the event loop: a segment is two megabytes at most, a millisecond. Importing this module imports aiohttp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp.payload import Payload

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter


class Body(Payload):
    """So many bytes, as they are.

    Args:
        value: all of them.
    """

    _value: bytes

    def __init__(self, value: bytes, *, content_type: str) -> None:
        super().__init__(value, content_type=content_type)
        self._size = len(value)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """As text, for whoever looks at a request."""
        return self._value.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send them."""
        await writer.write(self._value)
