"""The encoder cache: tokens of full windows that were encoded before; shorter ones are never kept.

Attention never leaves a window of 8 s, and the same window comes again: live transcription sends all that it has, a
segment is recognised a second time. Its tokens hang on the samples that its frames are cut from, 12.5 ms before it and
2.5 ms behind it among them (mirrored where the clip ends, so the last window is another one when the clip goes on), and
on the clip's loudest value, which the floor of the logarithm follows from. So the key is a digest of the samples, made
with the prompt beside the model's thread, and that value, all that comes back from a GPU for it; digests of features
would bring them all back, and cost the model's thread half a millisecond each.

The invariant: a hit is what computing would give, to the last bit where rows do not depend on other rows (the packed
kernels of a CPU; features see to it themselves), else within rounding. The thread that owns the model owns it too, so
there are no locks; the counts may be read from any thread.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import torch
from torch import Tensor

from harken.qwen3_asr.clip import Clip

Encode = Callable[[Sequence[Tensor]], list[Tensor]]
"""Features, [mels, frames] each, into embeddings, [tokens, width] each, in one pass."""


@dataclass(frozen=True, slots=True)
class WindowKey:
    """What a full window's tokens hang on.

    Attributes:
        digest: of the samples that its frames are cut from.
        peak: the loudest value of its clip, before the floor.
    """

    digest: bytes
    peak: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """One window of a clip on its way into the encoder.

    Attributes:
        features: [mels, frames].
        key: None for one that is never kept.
    """

    features: Tensor
    key: WindowKey | None


def windows_of(clip: Clip, features: Tensor, peak: float, window_frames: int) -> list[Window]:
    """Cut a clip's features, [mels, frames], into windows; full ones have a key where the clip has digests."""
    keys = (WindowKey(digest, peak) for digest in clip.digests)
    parts = torch.split(features, window_frames, dim=-1)
    return [Window(features=part, key=key) for part, key in zip_longest(parts, keys)]


class EncoderCache:
    """Encoded windows by content; the least recently used goes first.

    Attributes:
        max_bytes: the most that is kept; 0 switches the cache off.
        kept_bytes: what is kept.
        hits: full windows that were found.
        misses: full windows that were computed.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.kept_bytes = 0
        self.hits = 0
        self.misses = 0
        self._kept: OrderedDict[WindowKey, Tensor] = OrderedDict()

    def __repr__(self) -> str:
        return f"<EncoderCache windows={len(self._kept)} bytes={self.kept_bytes} hits={self.hits} misses={self.misses}>"

    @property
    def is_on(self) -> bool:
        """Whether anything may be kept."""
        return self.max_bytes > 0

    def encode(self, windows: Sequence[Window], encode: Encode) -> list[Tensor]:
        """Encode windows, those that are not here all in one call.

        Args:
            windows: of one or more clips.
            encode: computes them.

        Returns:
            [tokens, width] for each.
        """
        found = {
            place: tokens for place, window in enumerate(windows) if (tokens := self._find(window.key)) is not None
        }
        missing = [place for place in range(len(windows)) if place not in found]
        if missing:
            computed = encode([windows[place].features for place in missing])
            for place, tokens in zip(missing, computed, strict=True):
                found[place] = tokens
                self._keep(windows[place].key, tokens)
        return [found[place] for place in range(len(windows))]

    def _find(self, key: WindowKey | None) -> Tensor | None:
        if key is None:
            return None
        tokens = self._kept.get(key)
        if tokens is None:
            self.misses += 1
            return None
        self.hits += 1
        self._kept.move_to_end(key)
        return tokens

    def _keep(self, key: WindowKey | None, tokens: Tensor) -> None:
        # The same window may be twice in one batch.
        if key is None or key in self._kept or tokens.nbytes > self.max_bytes:
            return
        # A copy: what was computed is a view of the whole batch, which would live as long as the view.
        self._kept[key] = tokens.clone()
        self.kept_bytes += tokens.nbytes
        while self.kept_bytes > self.max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self.kept_bytes -= oldest.nbytes
