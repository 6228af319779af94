"""The name of a segment's transcript: a hash of everything that it depends on, and of nothing else.

Knows neither stores nor who asks for what reason. The invariant: two askings have one name only if the same model would
be given the same samples and the same options, on behalf of somebody who may see what the other was told. Names of
files, places in a recording and ids of requests are no part of it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json

import numpy as np

import harken
from harken.types import ModelInfo, Options, Segment

FORMAT = 1
"""Raised when a name, or what is kept under it, changes its meaning."""

_INLINE_SAMPLES = 8 * 16_000
"""Longer segments are hashed in a thread: 30 s take a millisecond and more."""


async def key_of(segment: Segment, options: Options, info: ModelInfo, scope: str) -> bytes:
    """Return the 32 bytes that name the answer to this asking.

    Args:
        segment: only its samples count.
        options: normalised; all of them count.
        info: the model; its aligner counts where words are wanted.
        scope: askings of different scopes never share an answer.
    """
    if len(segment.samples) <= _INLINE_SAMPLES:
        return digest(segment, options, info, scope)
    return await asyncio.to_thread(digest, segment, options, info, scope)


def digest(segment: Segment, options: Options, info: ModelInfo, scope: str) -> bytes:
    """The same, in this thread."""
    aligner = info.aligner if options.wants_words else None
    told = {
        "format": FORMAT,
        # Another release may cut, prompt or stop the model otherwise; what it would say now is what counts.
        "release": harken.__version__,
        "model": [info.name, info.revision],
        "aligner": [aligner.name, aligner.revision] if aligner else None,
        "options": dataclasses.asdict(options),
        "scope": scope,
        "samples": len(segment.samples),
    }
    named = hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode())
    named.update(np.ascontiguousarray(segment.samples, dtype="<f4").data)
    return named.digest()
