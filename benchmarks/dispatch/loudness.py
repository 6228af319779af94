"""A speech detector that costs nothing: loud is speech. For benchmarks of balancing on machines of a few cores.

The network that Harken listens with takes 2 ms of CPU for a second of audio. At the rate of four instances that
would need several cores of its own, in the gateway and in instances alike, and on two cores it would be the only thing
that a benchmark measures. `listen_by_loudness` puts this detector in its place, in the servers of every arm.
What listening really costs a clip is measured by `benchmarks.overhead`, which keeps the network.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

import harken.audio.reader
from harken.audio.spans import FRAME

_LOUD: Final = 0.01
_SURE: Final = 0.98


class Loudness:
    """Both the detector and the ear: it remembers nothing."""

    def listen(self) -> Loudness:
        """Begin a recording."""
        return self

    def feed(self, samples: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return the probability of speech in each frame of 512 samples; the last one may be shorter."""
        frames = -(-len(samples) // FRAME)
        whole = np.zeros(frames * FRAME, np.float32)
        whole[: len(samples)] = samples
        peaks = np.abs(whole).reshape(frames, FRAME).max(axis=1)
        return np.where(peaks > _LOUD, np.float32(_SURE), np.float32(1 - _SURE))

    def probabilities(self, samples: NDArray[np.float32], /) -> NDArray[np.float32]:
        """The same."""
        return self.feed(samples)

    def loud_probabilities(self, samples: NDArray[np.float32], /) -> NDArray[np.float32]:
        """The same."""
        return self.feed(samples)


def listen_by_loudness() -> None:
    """Have every reader of this process use it; called before a server is built."""
    # By name, because no server has an argument for this: in service there is no reason to listen worse.
    setattr(harken.audio.reader, "load_detector", Loudness)  # noqa: B010
