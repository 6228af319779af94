"""Where the sound of `harken listen` comes from: a file, a pipe, or the microphone. Effects, and one of them each.

A file is heard as if it were being said: a packet goes out when its last sample would have been spoken. The invariant:
nothing of a file or a pipe is left out; of a microphone only what nobody takes for a minute, and that is said.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harken.cli.live_heads import is_file
from harken.clock import Clock
from harken.errors import ConfigError, SetupError
from harken.types import SAMPLE_RATE

PACKET_S: Final = 0.1

_READ_BYTES: Final = 1 << 16
_WAITING_MOST: Final = 600
"""Packets that may wait between a microphone's thread and us: a minute."""

_HOW = (
    "The microphone needs the package sounddevice: pip install 'harken[microphone]'; or pipe one in: "
    "arecord -q -t raw -f S16_LE -r 16000 -c 1 | harken listen -"
)

_NO_DEVICE = "querying device -1"
"""How PortAudio's sentence ends where there is no usual microphone: that is its number for none."""

_NO_MICROPHONE = (
    "This machine has no microphone, or none that the sound system shows; name a recording, or pipe PCM16 in (-)."
)


def read_file(path: Path) -> NDArray[np.int16]:
    """Decode a recording in any container, int16 [n], 16 kHz, mono.

    Raises:
        ConfigError: it cannot be read.
        HarkenError: it cannot be decoded.
    """
    from harken.audio import decode

    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    return np.round(np.clip(decode(data).samples, -1, 1) * 32767).astype(np.int16)


async def paced(samples: NDArray[np.int16], *, speed: float, clock: Clock) -> AsyncIterator[bytes]:
    """Yield packets at the pace of speech.

    Args:
        samples: int16, 16 kHz.
        speed: how many times as fast; 0 without any pace.
        clock: tells the time.
    """
    began, length = clock.now(), round(PACKET_S * SAMPLE_RATE)
    for at in range(0, len(samples), length):
        packet = samples[at : at + length]
        if speed:
            due = began + (at + len(packet)) / SAMPLE_RATE / speed
            if (wait_s := due - clock.now()) > 0:
                await asyncio.sleep(wait_s)
        yield packet.astype("<i2").tobytes()


async def piped(descriptor: int, sample_rate: int) -> AsyncIterator[bytes]:
    """Yield bare PCM16 from a pipe as it comes, in packets of whole samples.

    Raises:
        ConfigError: it is a terminal, or what comes is an audio file.
    """
    if os.isatty(descriptor):
        raise ConfigError(
            "Standard input is a terminal; pipe PCM16 into it, or name a file, or leave - out for the microphone."
        )
    length = 2 * round(PACKET_S * sample_rate)
    kept, has_head = b"", None
    async for data in _read(descriptor):
        kept += data
        if has_head is None:
            has_head = is_file(kept)
        if has_head is None:
            continue
        if has_head:
            raise ConfigError(
                "Standard input is an audio file, not bare PCM16: name the file, or have it written raw "
                "(arecord -t raw, ffmpeg -f s16le)."
            )
        whole = len(kept) // length * length
        for at in range(0, whole, length):
            yield kept[at : at + length]
        kept = kept[whole:]
    if rest := kept[: len(kept) // 2 * 2]:
        yield rest


async def _read(descriptor: int) -> AsyncIterator[bytes]:
    """Read in a thread of its own, which nobody waits for: a read from a silent pipe cannot be ended."""
    loop, packets, room = asyncio.get_running_loop(), asyncio.Queue[bytes | OSError](), threading.Semaphore(4)

    def put(packet: bytes | OSError) -> None:
        room.acquire()  # released when it is taken; a thread that waits here at our end waits for nothing
        loop.call_soon_threadsafe(packets.put_nowait, packet)

    def read() -> None:
        try:
            while data := os.read(descriptor, _READ_BYTES):
                put(data)
            put(b"")
        except OSError as error:
            put(error)

    def run() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            read()

    threading.Thread(target=run, name="standard-input", daemon=True).start()
    while data := await packets.get():
        room.release()
        if isinstance(data, OSError):
            raise ConfigError(f"Standard input cannot be read: {data.strerror}.") from data
        yield data


async def microphone(sample_rate: int, warn: Callable[[str], None]) -> AsyncIterator[bytes]:
    """Yield PCM16 of the usual microphone until cancelled.

    Raises:
        SetupError: there is none, or nothing that could read it.
    """
    try:
        import sounddevice
    except ModuleNotFoundError as error:
        raise SetupError(_HOW) from error
    except OSError as error:  # the package is there, and the library beneath it is not
        raise SetupError(f"{_HOW} (sounddevice says: {error}; on Debian: apt install libportaudio2)") from error

    loop = asyncio.get_running_loop()
    packets: asyncio.Queue[bytes] = asyncio.Queue()

    def keep(data: bytes) -> None:
        if packets.qsize() < _WAITING_MOST:
            packets.put_nowait(data)
        elif packets.qsize() == _WAITING_MOST:
            warn("The server is a minute behind; sound of the microphone is left out.")

    def on_sound(data: object, *_: object) -> None:
        loop.call_soon_threadsafe(keep, bytes(data))  # type: ignore[call-overload] # a buffer of cffi's

    try:
        stream = sounddevice.RawInputStream(
            samplerate=sample_rate, channels=1, dtype="int16", blocksize=round(PACKET_S * sample_rate),
            callback=on_sound,
        )  # fmt: skip
    except (sounddevice.PortAudioError, ValueError) as error:
        if str(error).endswith(_NO_DEVICE):
            raise SetupError(_NO_MICROPHONE) from error
        raise SetupError(f"The microphone cannot be opened: {error}.") from error
    with stream:
        while True:
            yield await packets.get()
