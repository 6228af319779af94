"""One recording while it is read: bytes in, pieces out, a few at a time. Blocking: it runs in a decoding thread.

Ties the decoder to the segmenter, counts the time that both take, and owns the upload while it is read. The invariant:
`start` comes first, then `pull` until it says that it is over, `close` at the end, never two of them at a time; and
after `close`, or behind the last piece, nothing of the upload is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from harken.audio.cutting import CutRule
from harken.audio.decode import blocks, look_at, mono_blocks
from harken.audio.mixing import Mixer
from harken.audio.pieces import Piece, Pulled
from harken.audio.recording import DecodeLimits
from harken.audio.segmenting import Segmenter
from harken.audio.spans import SpeechRule
from harken.audio.stopwatch import Stopwatch
from harken.audio.upload import Upload, opened
from harken.audio.voice_activity import SpeechDetector


class Reading:
    """Reads one upload.

    Args:
        upload: what to read.
        limits: bounds on bytes, seconds and time.
        cut: how to cut.
        speech: what counts as speech.
        watch: says when it has taken too long, or nobody waits any more.
        detector: loads the voice activity model, or has it.
    """

    def __init__(
        self,
        upload: Upload,
        limits: DecodeLimits,
        cut: CutRule,
        speech: SpeechRule,
        *,
        watch: Stopwatch,
        detector: Callable[[], SpeechDetector],
    ) -> None:
        self._upload: Upload | None = upload
        self._limits = limits
        self._cut = cut
        self._speech = speech
        self._watch = watch
        self._detector = detector
        self._held = ExitStack()
        self._mono: Iterator[NDArray[np.float32]] = iter(())
        self._segmenter: Segmenter | None = None

    def start(self) -> float | None:
        """Look at the file's skeleton; returns the seconds that its head promises, None where it does not say.

        Raises:
            HarkenError: see `harken.audio.decode.decode`.
        """
        assert self._upload is not None, "a reading starts once"
        with self._watch.running():
            data = self._held.enter_context(opened(self._upload, self._limits.max_bytes, self._watch.check))
            self._upload = None
            skeleton = look_at(data, self._limits)
            found = blocks(skeleton, self._watch.check)
            # Decoders are closed before the bytes that they read.
            self._held.callback(found.close)
            self._mono = mono_blocks(found, Mixer(self._limits.max_audio_s), self._watch)
        return skeleton.facts.audio_s

    def pull(self) -> Pulled:
        """Decode until there is a piece, or several; after the last sample, all that are left.

        Raises:
            HarkenError: see `harken.audio.decode.decode`.
        """
        with self._watch.running():
            if self._segmenter is None:
                self._segmenter = Segmenter(self._detector(), self._cut, self._speech)
            pieces: list[Piece] = []
            for mono in self._mono:
                pieces = self._segmenter.feed(mono)
                if pieces:
                    return Pulled(pieces=tuple(pieces), is_over=False)
            pieces = self._segmenter.finish()
            self.close()
            return Pulled(pieces=tuple(pieces), is_over=True)

    def close(self) -> None:
        """Give everything back; nothing happens the second time."""
        self._upload = self._segmenter = None
        self._mono = iter(())
        self._held.close()
