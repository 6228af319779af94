"""The key-value cache: room for a fixed number of running segments, and attention over it.

Owns the memory of the decoder: one preallocated block per layer, one row per slot. It refuses to know who is in a slot
and why; the engine accounts for that. Its invariant: what a slot attends to is exactly its own first `length` tokens.
Two steps write into it, both over rows of tokens without padding: `Prefill` runs whole prompts one behind the other,
`Decode` one token each for any set of slots of different lengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, kw_only=True, slots=True)
class KVCache:
    """Keys and values of every running segment.

    Attributes:
        keys: [layers, slots, kv_heads, max_tokens, head_dim].
        values: the same shape.
    """

    keys: Tensor
    values: Tensor

    @classmethod
    def empty(
        cls, shape: tuple[int, int, int, int, int], *, dtype: torch.dtype, device: torch.device, is_masked: bool
    ) -> KVCache:
        """Allocate a cache.

        One that is read behind a mask starts as zeros: a masked position still meets its value in the product, and 0 x
        NaN, which uninitialised memory may hold, is NaN. Otherwise its memory is not even touched before it is used.
        """
        make = torch.zeros if is_masked else torch.empty
        keys, values = (make(shape, dtype=dtype, device=device) for _ in range(2))
        return cls(keys=keys, values=values)

    @property
    def slots(self) -> int:
        """Segments that fit at the same time."""
        return self.keys.shape[1]

    @property
    def max_tokens(self) -> int:
        """Tokens that fit into one slot, prompt and text together."""
        return self.keys.shape[3]

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        return self.keys.device

    def check(self, slots: Sequence[int], ends: Sequence[int]) -> None:
        """Refuse what would write into another segment's memory, or beyond the end (where CUDA would not say so).

        Args:
            slots: slots of one step.
            ends: tokens in each of them after the step.

        Raises:
            ValueError: a slot is unknown or named twice, or has no room.
        """
        if not slots or len(slots) != len(ends) or len(set(slots)) != len(slots):
            raise ValueError(f"a step needs distinct slots and a length for each; got {list(slots)}, {list(ends)}")
        if min(slots) < 0 or max(slots) >= self.slots:
            raise ValueError(f"slots {list(slots)} are not all within 0 to {self.slots - 1}")
        if min(ends) < 1 or max(ends) > self.max_tokens:
            raise ValueError(f"lengths {list(ends)} do not fit into slots of {self.max_tokens} tokens")


class Step(Protocol):
    """What the decoder asks of one pass over the cache: whose each row is, and what it may see.

    Attributes:
        cache: where keys and values lie.
        slots: [rows] int64, the slot of every row.
        positions: [rows] int64, the place of every row's token in its own segment.
    """

    cache: KVCache
    slots: Tensor
    positions: Tensor

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Store keys and values, then attend.

        Args:
            layer: from 0.
            query: [rows, heads, head_dim].
            key: [rows, kv_heads, head_dim].
            value: the same shape as `key`.

        Returns:
            The shape of `query`.
        """
        ...


class Prefill:
    """Whole prompts, one behind the other without padding, into slots of their own."""

    def __init__(self, cache: KVCache, slots: Sequence[int], lengths: Sequence[int]) -> None:
        self.cache = cache
        self._lengths = list(lengths)
        counts = torch.tensor(self._lengths)
        self.slots = torch.repeat_interleave(torch.tensor(slots), counts).to(cache.device)
        self.positions = torch.cat([torch.arange(length) for length in lengths]).to(cache.device)
        self._rows = torch.tensor(slots, device=cache.device)
        bounds = [0, *accumulate(lengths)]
        self._bounds = torch.tensor(bounds, dtype=torch.int32, device=cache.device)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """See `Step`. Every prompt attends to itself alone."""
        keys, values = self.cache.keys[layer], self.cache.values[layer]
        for held, new in ((keys, key), (values, value)):
            # Whatever the slot's last segment left is masked later, but a NaN among it would show through the mask.
            held[self._rows, :, min(self._lengths) :] = 0.0
            held[self.slots, :, self.positions] = new
        return self.attend_fresh(query, key, value)

    def attend_fresh(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend without storing: as `attend`, for whoever stores by other means."""
        if query.is_cuda and _packs_prompts(query.device, query.dtype):
            longest = max(self._lengths)
            return _attend_packed(query, key, value, self._bounds, longest)
        split = (torch.split(x.transpose(0, 1), self._lengths, dim=1) for x in (query, key, value))
        mixed = [
            functional.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True, enable_gqa=True)[0]
            for q, k, v in zip(*split, strict=True)
        ]
        return torch.cat(mixed, dim=1).transpose(0, 1)


class Decode:
    """One token for each of several slots."""

    def __init__(self, cache: KVCache, slots: Sequence[int], lengths: Sequence[int]) -> None:
        self.cache = cache
        self.slots = torch.tensor(slots, device=cache.device)
        self.positions = torch.tensor(lengths, device=cache.device)
        self._horizon = max(lengths) + 1
        # Slots 0 to n - 1 in order can be read in place; any other set is gathered.
        self._seen = slice(len(slots)) if list(slots) == list(range(len(slots))) else self.slots
        self._mask = (torch.arange(self._horizon, device=cache.device) <= self.positions[:, None])[:, None, None]

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """See `Step`. The query heads that share a key head stand in the place of query tokens.

        So the keys of a slot are read once for the whole group instead of being repeated for every head.
        """
        keys, values = self.cache.keys[layer], self.cache.values[layer]
        keys[self.slots, :, self.positions] = key
        values[self.slots, :, self.positions] = value
        grouped = query.view(len(self.slots), key.shape[1], -1, query.shape[-1])
        seen_keys, seen_values = (x[self._seen, :, : self._horizon] for x in (keys, values))
        mixed = functional.scaled_dot_product_attention(grouped, seen_keys, seen_values, attn_mask=self._mask)
        return mixed.reshape(query.shape)


def _attend_packed(query: Tensor, key: Tensor, value: Tensor, bounds: Tensor, longest: int) -> Tensor:
    """All prompts in one kernel: FlashAttention over sequences of different lengths, one behind the other.

    Args:
        query: [rows, heads, head_dim], bfloat16 or float16.
        key: [rows, kv_heads, head_dim].
        value: the same.
        bounds: [sequences + 1] int32, where each begins, and the end of the last.
        longest: rows of the longest sequence.
    """
    group = query.shape[1] // key.shape[1]
    key, value = (x.repeat_interleave(group, dim=1) for x in (key, value))
    mixed: Tensor = torch.ops.aten._flash_attention_forward(  # noqa: SLF001 - proven by `_packs_prompts` before it is used
        query, key, value, bounds, bounds, longest, longest, 0.0, True, False
    )[0]
    return mixed


@cache
def _packs_prompts(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether that kernel is there and computes what it should: torch does not promise the operator to anybody."""
    draw = torch.Generator(device=device).manual_seed(0)
    query, key, value = (torch.randn(24, heads, 64, device=device, generator=draw).to(dtype) for heads in (4, 2, 2))
    bounds = torch.tensor([0, 7, 24], dtype=torch.int32, device=device)
    try:
        found = _attend_packed(query, key, value, bounds, 17)
    except (RuntimeError, TypeError, AttributeError):
        return False
    for start, end in ((0, 7), (7, 24)):
        q, k, v = (x[start:end].transpose(0, 1)[None] for x in (query, key, value))
        expected = functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)[0].transpose(0, 1)
        if not torch.allclose(found[start:end].float(), expected.float(), atol=2e-2):
            return False
    return True
