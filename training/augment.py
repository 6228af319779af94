"""Damage that happens to recordings on the way to a recogniser, drawn at random.

Pure functions over float32 samples at 16 kHz and a seeded `numpy` generator: rooms, telephones,
codecs, noise, levels; and the sounds that hold no speech at all (silence, noise, hum, tones, DTMF),
which must give an empty text. None of them moves speech in time by more than a few milliseconds,
so word times stay valid.
"""

import io

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import oaconvolve

from training.features import RATE_HZ

Samples = npt.NDArray[np.float32]
Rng = np.random.Generator
_DTMF_LOW, _DTMF_HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)


def noise(rng: Rng, count: int) -> Samples:
    """White to brown noise of unit RMS: a spectrum falling by a random power of the frequency."""
    size = 1 << max(count - 1, 15).bit_length()  # a power of two: other lengths can cost 20 times more
    spectrum = np.fft.rfft(rng.standard_normal(size).astype(np.float32))
    slope = rng.uniform(0.0, 1.1)
    shaped = spectrum / np.maximum(np.arange(len(spectrum)), 1) ** slope
    wave = np.fft.irfft(shaped, size)[:count]
    made: Samples = (wave / (np.sqrt(np.mean(wave**2)) + 1e-12)).astype(np.float32)
    return made


def hum(rng: Rng, count: int) -> Samples:
    """Mains hum with harmonics, unit RMS."""
    time = np.arange(count, dtype=np.float32) / RATE_HZ
    base = float(rng.choice((50.0, 60.0, 100.0, 120.0)))
    wave = sum(
        (rng.uniform(0.1, 1.0) / k * np.sin(2 * np.pi * base * k * time + rng.uniform(0, 6.28)) for k in range(1, 6)),
        np.zeros(count),
    )
    made: Samples = (wave / (np.sqrt(np.mean(wave**2)) + 1e-9)).astype(np.float32)
    return made


def tone(rng: Rng, count: int) -> Samples:
    """A steady, beeping, sliding or multi-partial tone, unit peak."""
    time = np.arange(count, dtype=np.float64) / RATE_HZ
    wave = np.zeros(count)
    for _ in range(int(rng.choice((1, 1, 1, 2, 3)))):
        frequency = float(np.exp(rng.uniform(np.log(80), np.log(7000))))
        slide = rng.uniform(-0.2, 0.2) * frequency * (rng.random() < 0.25)
        wave += np.sin(2 * np.pi * (frequency * time + slide * time**2 / 2))
        if rng.random() < 0.3:
            wave += 0.5 * np.sin(2 * np.pi * 2 * frequency * time) + 0.3 * np.sin(2 * np.pi * 3 * frequency * time)
    if rng.random() < 0.4:
        period, duty = rng.uniform(0.1, 2.0), rng.uniform(0.2, 0.8)
        wave *= (time % period) < period * duty
    made: Samples = (wave / (np.abs(wave).max(initial=0.0) + 1e-9)).astype(np.float32)
    return made


def dtmf(rng: Rng, count: int) -> Samples:
    """Telephone key tones one after the other, unit peak."""
    wave = np.zeros(count, np.float32)
    position = int(rng.uniform(0, 0.4) * RATE_HZ)
    on, off = rng.uniform(0.05, 0.3), rng.uniform(0.03, 0.4)
    while position < count:
        length = min(int(on * RATE_HZ), count - position)
        time = np.arange(length) / RATE_HZ
        low, high = rng.choice(_DTMF_LOW), rng.choice(_DTMF_HIGH)
        wave[position : position + length] = 0.5 * (np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time))
        position += length + int(off * RATE_HZ) + 1
    return wave


def clicks(rng: Rng, count: int) -> Samples:
    """A few short bursts, unit peak."""
    wave = np.zeros(count, np.float32)
    for _ in range(rng.integers(1, 8)):
        start, length = int(rng.integers(0, max(count - 1, 1))), int(rng.integers(2, 600))
        piece = wave[start : start + length]
        piece += rng.standard_normal(len(piece)) * np.exp(-np.arange(len(piece)) / (length / 3))
    made: Samples = wave / (np.abs(wave).max(initial=0.0) + 1e-9)
    return made


def nothing(rng: Rng, count: int) -> Samples:
    """A recording without speech, at any level from digital silence up."""
    kind = rng.choice(("zeros", "noise", "noise", "noise", "hum", "tone", "tone", "dtmf", "clicks", "gusts"))
    level = 10 ** (rng.uniform(-80, -3) / 20)
    if kind == "zeros":
        return np.zeros(count, np.float32)
    if kind == "noise":
        wave = noise(rng, count) * 0.3
    elif kind == "gusts":
        swell = np.repeat(rng.uniform(0, 1, count // 1600 + 2), 1600)
        smooth = np.convolve(swell, np.ones(1600) / 1600, mode="same")[:count]
        wave = noise(rng, count) * 0.3 * smooth.astype(np.float32) ** 2
    else:
        level = 10 ** (rng.uniform(-45, -1) / 20)
        wave = {"hum": hum, "tone": tone, "dtmf": dtmf, "clicks": clicks}[str(kind)](rng, count)
    if rng.random() < 0.5:
        wave = wave + noise(rng, count) * 10 ** (rng.uniform(-60, -15) / 20)
    if rng.random() < 0.2:
        wave = band(wave, rng)
    return (wave * level).clip(-1, 1).astype(np.float32)


def tilt(wave: Samples, rng: Rng) -> Samples:
    """A one-tap filter: brighter or duller."""
    tap = rng.uniform(-0.7, 0.7)
    shifted = np.concatenate((np.zeros(1, np.float32), wave[:-1]))
    made: Samples = ((wave + np.float32(tap) * shifted) / np.float32(1 + abs(tap))).astype(np.float32)
    return made


def band(wave: Samples, rng: Rng) -> Samples:
    """Keep only a band: the telephone's, or below a random limit; soft edges."""
    low, high = (300.0, 3400.0) if rng.random() < 0.5 else (rng.uniform(0, 250), rng.uniform(2400, 7500))
    if rng.random() < 0.3:
        low = 0.0
    size = 1 << (len(wave) - 1).bit_length()
    frequency = np.fft.rfftfreq(size, 1 / RATE_HZ)
    gain = 1 / (1 + np.exp((frequency - high) / rng.uniform(20, 120)))
    if low > 0:
        gain = gain / (1 + np.exp((low - frequency) / 20.0))
    return np.fft.irfft(np.fft.rfft(wave, size) * gain, size)[: len(wave)].astype(np.float32)


def room(wave: Samples, rng: Rng) -> Samples:
    """A small synthetic room: the direct sound and a decaying tail of noise."""
    seconds = rng.uniform(0.05, 0.4)
    count = int(seconds * RATE_HZ)
    tail = rng.standard_normal(count) * np.exp(-np.arange(count) / (count / 5))
    tail *= rng.uniform(0.05, 0.5) / (np.sqrt(np.sum(tail**2)) + 1e-9)
    tail[0] = 1.0
    made: Samples = oaconvolve(wave, tail.astype(np.float32))[: len(wave)].astype(np.float32)
    return made


def companded(wave: Samples) -> Samples:
    """Through 8-bit mu-law and back, as a telephone line does."""
    magnitude = np.log1p(255 * np.abs(wave).clip(0, 1)) / np.log(256)
    coarse = np.round(magnitude * 127) / 127
    made: Samples = (np.sign(wave) * (np.expm1(coarse * np.log(256)) / 255)).astype(np.float32)
    return made


def coded(wave: Samples, rng: Rng) -> Samples:
    """Through a real MP3 or Opus encoder; the length is kept."""
    box = io.BytesIO()
    kind = ("MP3", "MPEG_LAYER_III") if rng.random() < 0.5 else ("OGG", "OPUS")
    level = float(rng.uniform(0.3, 1.0))
    soundfile.write(box, wave.clip(-1, 1), RATE_HZ, format=kind[0], subtype=kind[1], compression_level=level)
    box.seek(0)
    back, _ = soundfile.read(box, dtype="float32")
    return np.pad(back, (0, max(0, len(wave) - len(back))))[: len(wave)]


def damaged(wave: Samples, rng: Rng) -> Samples:
    """Speech as it may arrive: a random selection of everything above, then a level and 16 bits."""
    wave = wave / (np.abs(wave).max(initial=0.0) + 1e-9)
    if rng.random() < 0.4:
        wave = tilt(wave, rng)
    if rng.random() < 0.15:
        wave = room(wave, rng)
    if rng.random() < 0.75:
        speech_rms = np.sqrt(np.mean(wave**2)) + 1e-9
        wave = wave + noise(rng, len(wave)) * speech_rms * 10 ** (-rng.uniform(4, 45) / 20)
    if rng.random() < 0.06:
        wave = wave + hum(rng, len(wave)) * 10 ** (-rng.uniform(15, 45) / 20)
    if rng.random() < 0.3:
        wave = band(wave, rng)
        if rng.random() < 0.3:
            wave = companded(wave / (np.abs(wave).max(initial=0.0) + 1e-9))
    if rng.random() < 0.05:
        wave = (wave * rng.uniform(1.2, 4)).clip(-1, 1)
    if rng.random() < (0.04 if len(wave) < 8 * RATE_HZ else 0.01):
        wave = coded(wave, rng)
    peak = np.abs(wave).max(initial=0.0) + 1e-9
    level = 10 ** (-rng.uniform(0, 36 if rng.random() < 0.5 else 12) / 20)
    made: Samples = (np.round(wave / peak * level * 32767) / 32768).astype(np.float32)
    return made
