"""From named recordings to takes: read, decoded, cut where a manifest says so, and put into their classes.

All of it is decoded before the first request, so that the client's own work is not in anybody's time; so it must fit
into memory, and there is a bound. The invariant: every take has samples and a class.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np

from harken.bench.load.classes import class_of
from harken.bench.load.listing import Listed, listed
from harken.bench.load.takes import Take, packaged_takes, samples_of
from harken.errors import ConfigError, HarkenError
from harken.types import SAMPLE_RATE

T = TypeVar("T")

AUDIO_MOST_S = 12 * 3600.0
"""Of all recordings together: some 1.4 GB of samples."""


def read_takes(
    paths: Sequence[Path], *, limit: int | None, seed: int, keeps_files: bool, audio_most_s: float = AUDIO_MOST_S
) -> list[Take]:
    """Read what is to be sent; without paths the packaged recordings.

    Args:
        paths: files, folders and manifests.
        limit: so many recordings at most, drawn from all; None for all of them.
        seed: of the draw.
        keeps_files: the files will be sent as they are.
        audio_most_s: how much may be held.

    Raises:
        ConfigError: a recording cannot be read or decoded, is empty, or all together are too long.
    """
    takes: Iterable[Take] = packaged_takes()
    if paths:
        takes = _decoded(_drawn(listed(paths), limit, seed), keeps_files)
    elif limit is not None:
        takes = _drawn(list(takes), limit, seed)
    found: list[Take] = []
    audio_s = 0.0
    for take in takes:
        audio_s += take.audio_s
        if audio_s > audio_most_s:
            raise ConfigError(
                f"The recordings are longer than {audio_most_s / 3600:g} hours together; draw some: --limit."
            )
        found.append(dataclasses.replace(take, kind=class_of(take.audio_s)))
    return found


def _drawn(rows: list[T], limit: int | None, seed: int) -> list[T]:
    if limit is None or limit >= len(rows):
        return rows
    chosen = np.random.default_rng(seed).permutation(len(rows))[:limit]
    return [rows[place] for place in sorted(chosen.tolist())]


def _decoded(rows: Iterable[Listed], keeps_files: bool) -> Iterator[Take]:
    # In a thread, since a decoder's library swallows a Ctrl-C and takes the file for broken.
    with ThreadPoolExecutor(1) as thread:
        for row in rows:
            yield thread.submit(_take_of, row, keeps_files).result()


def _take_of(row: Listed, keeps_files: bool) -> Take:
    try:
        data = row.path.read_bytes()
        samples = samples_of(data)
    except OSError as error:
        raise ConfigError(f"{row.path}: cannot be read: {error.strerror}.") from error
    except HarkenError as error:
        raise ConfigError(f"{row.path}: {error.message}") from error
    if row.offset_s is not None:
        first = round(row.offset_s * SAMPLE_RATE)
        last = None if row.duration_s is None else first + round(row.duration_s * SAMPLE_RATE)
        samples = samples[first:last].copy()
    if not len(samples):
        raise ConfigError(f"{row.path}: there is no sound from {row.offset_s or 0:g} s on.")
    is_whole = row.offset_s is None
    return Take(
        name=row.path.name,
        samples=samples,
        text=row.text,
        language=row.language,
        data=data if keeps_files and is_whole else b"",
    )
