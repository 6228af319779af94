"""Decode steps, recorded once per batch size and replayed: no Python and no waiting between the kernels of a step.

Owns the tensors that a recorded step reads and writes. Each slot's newest token stays on the device, so the next step
can be started before anybody has seen what the last one chose. A step runs in the smallest recorded size that holds its
slots; the rows left over work on a slot of their own that nobody else has. The invariant: the slots of a step are
advanced by exactly one token each, in the order in which steps are launched.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from harken.choice import NO_TOKEN, Chosen
from harken.qwen3_asr.cache import KVCache
from harken.qwen3_asr.network import Network

Replay = Callable[[], None]
Recorder = Callable[[Callable[[], None]], Replay]
"""Takes a step that reads and writes fixed tensors; returns what does the same again."""


def sizes_up_to(slots: int) -> list[int]:
    """Batch sizes that are recorded: every power of two up to 16, then every 16, and the whole of the slots."""
    few = [size for size in (1, 2, 4, 8) if size < slots]
    return [*few, *range(16, slots, 16), slots]


class RowStep:
    """A decode step over fixed tensors, for a decoder that reads slots and positions as it goes.

    Attributes:
        cache: all slots, and one more for rows left over.
        slots: [rows] int64.
        positions: [rows] int64.
    """

    def __init__(self, cache: KVCache, slots: Tensor, positions: Tensor) -> None:
        self.cache = cache
        self.slots = slots
        self.positions = positions

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """See `harken.qwen3_asr.cache.Step`; looks at the whole of every slot: lengths are not known in advance."""
        keys, values = self.cache.keys[layer], self.cache.values[layer]
        keys[self.slots, :, self.positions] = key
        values[self.slots, :, self.positions] = value
        places = torch.arange(self.cache.max_tokens, device=self.cache.device)
        mask = (places <= self.positions[:, None])[:, None, None]
        grouped = query.view(len(query), key.shape[1], -1, query.shape[-1])
        mixed = functional.scaled_dot_product_attention(grouped, keys[self.slots], values[self.slots], attn_mask=mask)
        return mixed.reshape(query.shape)


class Launched:
    """A step on its way: `harken.engine.model.Pending`."""

    def __init__(self, tokens: Tensor, count: int, done: torch.cuda.Event | None) -> None:
        self._tokens = tokens
        self._count = count
        self._done = done

    def result(self) -> Chosen:
        """Wait until the device is through with it, and read."""
        if self._done is not None:
            self._done.synchronize()
        tokens: list[int] = self._tokens[: self._count].tolist()
        return Chosen(tokens=tokens)


class DecodeGraphs:
    """Recorded decode steps of one network over one cache.

    Args:
        network: whose decoder reads slots and positions from tensors.
        cache: with one slot more than is used.
        recorder: a `CudaRecorder`; on a CPU, for tests, what simply runs the step again.
    """

    def __init__(self, network: Network, cache: KVCache, recorder: Recorder) -> None:
        self.cache = cache
        self._network = network
        self._spare = cache.slots - 1
        self._sizes = sizes_up_to(self._spare)
        self._newest = torch.zeros(cache.slots, dtype=torch.long, device=cache.device)
        largest = self._sizes[-1]
        self._inputs = torch.zeros(2, largest, dtype=torch.long, device=cache.device)
        self._chosen = torch.zeros(largest, dtype=torch.long, device=cache.device)
        # Two of each on the host: one is filled while the device may still read or write the other.
        self._hosts = [_Host(largest, is_pinned=cache.device.type == "cuda") for _ in range(2)]
        self._turn = 0
        # From the largest to the smallest, so that the smaller ones find their memory in the larger one's.
        self._replays = {size: self._record(size, recorder) for size in reversed(self._sizes)}

    @property
    def slots(self) -> int:
        """Slots that may be used."""
        return self._spare

    def note(self, slots: Sequence[int], tokens: Sequence[int]) -> None:
        """Take in tokens that were chosen elsewhere: by a prefill, or in another manner than the likeliest."""
        device = self.cache.device
        known = torch.tensor([max(token, 0) for token in tokens], device=device)
        self._newest[torch.tensor(slots, device=device)] = known

    @torch.inference_mode()
    def launch(self, slots: Sequence[int], lengths: Sequence[int]) -> Launched:
        """Start one step; see `harken.engine.model.Model.launch`.

        Raises:
            ValueError: see `KVCache.check`.
        """
        self.cache.check(slots, [length + 1 for length in lengths])
        count = len(slots)
        size = self._sizes[bisect_left(self._sizes, count)]
        host = self._hosts[self._turn]
        self._turn = 1 - self._turn
        host.wait()
        host.inputs[0, :size] = torch.tensor([*slots, *[self._spare] * (size - count)])
        host.inputs[1, :size] = torch.tensor([*lengths, *[0] * (size - count)])
        self._inputs.copy_(host.inputs, non_blocking=True)
        self._replays[size]()
        host.tokens.copy_(self._chosen, non_blocking=True)
        return Launched(host.tokens, count, host.mark())

    def _record(self, size: int, recorder: Recorder) -> Replay:
        slots, positions = self._inputs[0, :size], self._inputs[1, :size]
        slots.fill_(self._spare)
        step = RowStep(self.cache, slots, positions)
        network = self._network

        @torch.inference_mode()
        def run() -> None:
            hidden = network.language_model(network.language_model.embed_tokens(self._newest[slots]), step)
            highest, likeliest = network.scores(hidden).max(-1)
            self._newest[slots] = likeliest
            self._chosen[:size] = likeliest.where(highest.isfinite(), NO_TOKEN)

        return recorder(run)


class _Host:
    """What is copied to and from the device for one step."""

    def __init__(self, largest: int, *, is_pinned: bool) -> None:
        self.inputs = torch.zeros(2, largest, dtype=torch.long, pin_memory=is_pinned)
        self.tokens = torch.zeros(largest, dtype=torch.long, pin_memory=is_pinned)
        self._event = torch.cuda.Event() if is_pinned else None  # type: ignore[no-untyped-call]

    def wait(self) -> None:
        """Until the device is through with it."""
        if self._event is not None:
            self._event.synchronize()

    def mark(self) -> torch.cuda.Event | None:
        """From here on it is the device's, until all that was started so far is done."""
        if self._event is not None:
            self._event.record()
        return self._event


class CudaRecorder:
    """Records steps as CUDA graphs, each after two runs for what libraries set up at their first call.

    All that it records shares one pool of memory, since only one of them runs at a time; a new cache wants a new one.
    """

    def __init__(self) -> None:
        self._pool: Any = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def __call__(self, run: Callable[[], None]) -> Replay:
        """See `Recorder`."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            for _ in range(2):
                run()
        torch.cuda.current_stream().wait_stream(self._stream)
        graph = torch.cuda.CUDAGraph()
        # Other threads, such as the aligner's, may go on using the device meanwhile.
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
            run()
        return graph.replay
