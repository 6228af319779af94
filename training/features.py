"""Log-mel features of one clip alone, exactly as the published front end computes them.

16 kHz, 400-sample periodic Hann window, hop 160, 128 Slaney mel bands, floor(n / 160) frames, the
clip zero-padded to at least half a second, the dynamic range clamped to 8 decades under the clip's
own maximum. A batch is made of clips computed alone: padding never changes anybody's features.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from transformers.audio_utils import mel_filter_bank

RATE_HZ = 16000
MIN_SAMPLES = 8000
FRAMES_PER_CHUNK = 100
TOKENS_PER_CHUNK = 13


@cache
def _filters() -> torch.Tensor:
    bank = mel_filter_bank(
        num_frequency_bins=201, num_mel_filters=128, min_frequency=0.0, max_frequency=8000.0,
        sampling_rate=RATE_HZ, norm="slaney", mel_scale="slaney",
    )  # fmt: skip
    return torch.from_numpy(bank).to(torch.float32).T.contiguous()


def log_mel(samples: npt.NDArray[np.float32]) -> torch.Tensor:
    """Features [128, frames] float32 of mono samples at 16 kHz in [-1, 1]."""
    padded = np.pad(samples, (0, max(0, MIN_SAMPLES - len(samples)))).astype(np.float32)
    spectrum = torch.stft(torch.from_numpy(padded), 400, 160, window=torch.hann_window(400), return_complex=True)[
        :, :-1
    ]
    power = spectrum.real.square() + spectrum.imag.square()
    mel = (_filters() @ power).clamp(min=1e-10).log10()
    mel = torch.maximum(mel, mel.max() - 8.0)
    return (mel + 4.0) / 4.0


def token_count(frames: int) -> int:
    """Encoder tokens of a clip of `frames` mel frames."""
    rest = frames % FRAMES_PER_CHUNK
    for _ in range(3):
        rest = (rest + 1) // 2
    return frames // FRAMES_PER_CHUNK * TOKENS_PER_CHUNK + rest


def token_times_s(count: int) -> npt.NDArray[np.float64]:
    """The middle of each token's view of the audio, in seconds (80 ms apart, restarting every second)."""
    index = np.arange(count)
    times: npt.NDArray[np.float64] = index // TOKENS_PER_CHUNK + (index % TOKENS_PER_CHUNK) * 0.08
    return times
