"""What is asked of `harken.audio`: a recording as a stream of pieces. The interface alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from harken.audio import CutRule, DecodeLimits, Piece, SpeechRule, Upload


class Pieces(Protocol):
    """The pieces of one recording, in order, decoded when they are pulled; `harken.audio.PieceStream` is one."""

    @property
    def total_s(self) -> float | None:
        """The length that the file's head promises, in seconds; None where it does not say."""
        ...

    @property
    def decoded_s(self) -> float:
        """How far it is decoded, in seconds; after the last piece: the recording's length."""
        ...

    def __aiter__(self) -> AsyncIterator[Piece]: ...


class Reader(Protocol):
    """Opens recordings; `harken.audio.AudioReader` is one."""

    def open(
        self, upload: Upload, limits: DecodeLimits, cut: CutRule, speech: SpeechRule | None, /
    ) -> AbstractAsyncContextManager[Pieces]:
        """Look at an upload and give its pieces; leaving the block ends all work on it.

        Raises:
            HarkenError: what is wrong with it; what shows later is raised by the stream.
        """
        ...
