"""The key-value cache: room for a fixed number of running segments, and attention over it.

Owns the memory of the decoder: one preallocated block per layer, one row per slot. It refuses to know who is in a slot
and why; the engine accounts for that. Its invariant: what a slot attends to is exactly its own first `length` tokens.
Two steps write into it. `Prefill` runs whole prompts, padded on the right, where causality alone keeps the padding
out; `Decode` runs one token each for any set of slots of different lengths, where a mask does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    def empty(cls, shape: tuple[int, int, int, int, int], *, dtype: torch.dtype, device: torch.device) -> KVCache:
        """Allocate a cache.

        It starts as zeros because a masked position still meets its value in the product, and 0 x NaN, which
        uninitialised memory may hold, is NaN.
        """
        keys, values = (torch.zeros(shape, dtype=dtype, device=device) for _ in range(2))
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
    """What the decoder asks of one pass over the cache."""

    positions: Tensor
    """[batch, tokens] position of every token in its own segment."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Store keys and values, then attend.

        Args:
            layer: from 0.
            query: [batch, heads, tokens, head_dim].
            key: [batch, kv_heads, tokens, head_dim].
            value: the same shape as `key`.

        Returns:
            The shape of `query`.
        """
        ...


class Prefill:
    """Whole prompts, padded on the right to the longest, into slots of their own."""

    def __init__(self, cache: KVCache, slots: Sequence[int], longest: int) -> None:
        self._cache = cache
        self._longest = longest
        self._rows = torch.tensor(slots, device=cache.device)
        self.positions = torch.arange(longest, device=cache.device).expand(len(slots), -1)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """See `Step`. Padding lies behind every token of its row, so no token looks at it.

        The keys of padding are stored too; each is overwritten by the token that takes its place before any step
        looks that far.
        """
        for held, new in ((self._cache.keys[layer], key), (self._cache.values[layer], value)):
            held[self._rows, :, : self._longest] = new
            # Whatever the slot's last segment left is masked, but a NaN among it would show through the mask.
            held[self._rows, :, self._longest :] = 0.0
        return functional.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)


class Decode:
    """One token for each of several slots."""

    def __init__(self, cache: KVCache, slots: Sequence[int], lengths: Sequence[int]) -> None:
        self._cache = cache
        self._rows = torch.tensor(slots, device=cache.device)
        self._ends = torch.tensor(lengths, device=cache.device)
        self._horizon = max(lengths) + 1
        # Slots 0 to n - 1 in order can be read in place; any other set is gathered.
        self._seen = slice(len(slots)) if list(slots) == list(range(len(slots))) else self._rows
        self._mask = (torch.arange(self._horizon, device=cache.device) <= self._ends[:, None])[:, None, None]
        self.positions = self._ends[:, None]

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """See `Step`. The query heads that share a key head stand in the place of query tokens.

        So the keys of a slot are read once for the whole group instead of being repeated for every head.
        """
        keys, values = self._cache.keys[layer], self._cache.values[layer]
        keys[self._rows, :, self._ends] = key[:, :, 0]
        values[self._rows, :, self._ends] = value[:, :, 0]
        grouped = query.view(len(self._rows), key.shape[1], -1, query.shape[-1])
        seen_keys, seen_values = (x[self._seen, :, : self._horizon] for x in (keys, values))
        mixed = functional.scaled_dot_product_attention(grouped, seen_keys, seen_values, attn_mask=self._mask)
        return mixed.reshape(query.shape)
