"""Batches made in processes of their own, in an order that does not depend on anybody's speed.

Group `g` of clips has seeds derived from the run's seed and `g`; it is sorted by length and cut into
batches of a bounded number of one-second chunks (large batches learnt much more slowly). Worker `w`
of `W` makes groups `w, w + W, ...` and the reader takes them in turn.
"""

import multiprocessing
import multiprocessing.connection
import queue
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from training.bank import load
from training.batches import Batch, collate
from training.clips import Clip, ClipMaker
from training.espeak import Espeak
from training.features import FRAMES_PER_CHUNK, log_mel
from training.script import Limits
from training.vocabulary import Vocabulary, load_vocabulary

B = TypeVar("B")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the workers need to know: seed, clips per group, chunks per batch, limits of each group."""

    seed: int
    group_clips: int
    batch_chunks: int
    limits: tuple[Limits, ...]
    bank: Path


def group_batches(plan: Plan, group: int, maker: ClipMaker, vocabulary: Vocabulary) -> list[Batch]:
    """All batches of one group, in random order."""
    rng = random.Random(f"{plan.seed}/{group}")
    limits = plan.limits[min(group, len(plan.limits) - 1)]
    clips = [maker.draw(rng.getrandbits(48), limits) for _ in range(plan.group_clips)]
    batches = bunches(clips, plan.batch_chunks, rng)
    return [collate([c for c, _ in batch], [f for _, f in batch], vocabulary, rng) for batch in batches]


def bunches(clips: list[Clip], chunks: int, rng: random.Random) -> list[list[tuple[Clip, torch.Tensor]]]:
    """Clips with their features, sorted by length and cut at `chunks` one-second chunks; the cuts in random order."""
    pairs = sorted(((clip, log_mel(clip.samples)) for clip in clips), key=lambda pair: pair[1].shape[1])
    cut: list[list[tuple[Clip, torch.Tensor]]] = [[]]
    for pair in pairs:
        wide = -(-pair[1].shape[1] // FRAMES_PER_CHUNK)
        if cut[-1] and wide * (len(cut[-1]) + 1) > chunks:
            cut.append([])
        cut[-1].append(pair)
    rng.shuffle(cut)
    return cut


# Batches of one kind: a frozen dataclass of tensors and nothing else.
Make = Callable[[Plan, int, ClipMaker, Vocabulary], list[Any]]


def _work(plan: Plan, make: Make, first: int, stride: int, pipe: "multiprocessing.connection.Connection") -> None:
    torch.set_num_threads(1)
    maker, vocabulary = ClipMaker(Espeak(), load(plan.bank)), load_vocabulary()
    group = first
    while True:
        batches = make(plan, group, maker, vocabulary)
        # Arrays travel by value: tensors would hold shared memory open for every one of them.
        pipe.send([{name: value.numpy() for name, value in vars(batch).items()} for batch in batches])
        group += stride


def stream(plan: Plan, workers: int, first: int = 0) -> Iterator[tuple[int, Batch]]:
    """(group, batch) of the recogniser's batches for ever; see `stream_of`."""
    return stream_of(Batch, plan, group_batches, workers, first)


def stream_of(kind: type[B], plan: Plan, make: Make, workers: int, first: int = 0) -> Iterator[tuple[int, B]]:
    """(group, batch) for ever, from group `first` on, of what `make` makes in processes that end with this one.

    espeak-ng's library crashes its process on a very few texts (seen once: sixty words without a pause by the
    variant Demonic). A worker that died is started again at the group that is missing; a group that kills two
    workers is left out, and said so.
    """
    group, crashes = first, 0
    feeds = [_Feed(plan, make, first + number, workers) for number in range(workers)]
    while True:
        place = (group - first) % workers
        arrays = feeds[place].take()
        if arrays is None:
            crashes += 1
            print(f'{{"worker_died_at_group": {group}, "times": {crashes}}}', flush=True)
            feeds[place] = _Feed(plan, make, group if crashes < 2 else group + workers, workers)
            if crashes < 2:
                continue
        for batch in arrays or ():
            yield group, kind(**{name: torch.from_numpy(value) for name, value in batch.items()})
        group, crashes = group + 1, 0


class _Feed:
    """A worker process and a thread that keeps three of its groups ready."""

    def __init__(self, plan: Plan, make: Make, first: int, stride: int) -> None:
        context = multiprocessing.get_context("spawn")
        mine, theirs = context.Pipe(duplex=False)
        self._ready: queue.Queue[list[dict[str, np.ndarray]] | None] = queue.Queue(3)
        context.Process(target=_work, args=(plan, make, first, stride, theirs), daemon=True).start()
        theirs.close()  # so that the worker's death is the end of the pipe
        threading.Thread(target=self._fill, args=(mine,), daemon=True).start()

    def take(self) -> "list[dict[str, np.ndarray]] | None":
        """The next group; None when the worker is dead and left nothing."""
        return self._ready.get()

    def _fill(self, pipe: "multiprocessing.connection.Connection") -> None:
        try:
            while True:
                self._ready.put(pipe.recv())
        except (EOFError, OSError):
            self._ready.put(None)
