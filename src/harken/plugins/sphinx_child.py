"""A process that decodes with PocketSphinx: recordings in on standard input, words out on standard output.

PocketSphinx holds the interpreter's lock while it works, for seconds; in the instance's own process nobody else, and no
health check, would get a word in. It knows nothing of Harken and is run by its path. The invariant: the answer to a
recording does not depend on those before it.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from typing import Any, BinaryIO

RATE = 16_000
FRAMES_PER_S = 100


def serve(asked: BinaryIO, told: BinaryIO) -> None:
    """Answer recordings (a 4-byte little-endian length, then 16-bit samples) with a JSON line each, until the end."""
    try:
        from pocketsphinx import Decoder

        decoder = Decoder(samprate=RATE, loglevel="FATAL", cmn="batch", maxhmmpf=3000)
    except Exception as error:  # noqa: BLE001 - the outermost edge: whoever started this hears why
        _tell(told, {"error": f"{type(error).__name__}: {error}"})
        return
    _tell(told, {"ready": True})
    while head := asked.read(4):
        (size,) = struct.unpack("<I", head)
        samples = asked.read(size)
        if len(samples) < size:
            return
        _answer(told, decoder, samples)


def _answer(told: BinaryIO, decoder: Any, samples: bytes) -> None:
    """Decode in a copy of this process: what a decoder heard before changes what it hears, and this one never hears.

    Without copies the same sentences came out otherwise in another order. A new decoder takes 0.3 s, a copy 10 ms.
    """
    copy = os.fork()
    if copy == 0:
        _tell(told, {"words": _decode(decoder, samples)})
        os._exit(0)
    _, status = os.waitpid(copy, 0)
    if status:
        _tell(told, {"error": f"the decoder ended with {os.waitstatus_to_exitcode(status)}"})


def _decode(decoder: Any, samples: bytes) -> list[tuple[str, float, float, float]]:
    """Word, start and end in seconds, probability; of each word that is heard."""
    decoder.start_utt()
    decoder.process_raw(samples, False, True)
    decoder.end_utt()
    if decoder.hyp() is None:
        return []
    return [
        (part.word, part.start_frame / FRAMES_PER_S, (part.end_frame + 1) / FRAMES_PER_S, part.prob)
        for part in decoder.seg()
    ]


def _tell(told: BinaryIO, message: dict[str, object]) -> None:
    told.write(json.dumps(message).encode() + b"\n")
    told.flush()


if __name__ == "__main__":
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a C library prints must not get between the answers
    serve(sys.stdin.buffer, channel)
