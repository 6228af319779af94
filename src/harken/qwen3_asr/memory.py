"""How many slots a device has memory for, and what is said when there is none.

Owns the arithmetic, and the look at a GPU that it needs. On a GPU the memory for what is computed on the way
is found by computing it: the largest prefill is run once, and its peak is kept free for ever. The invariant: what this
says fits, with everything that the engine does, into the share of the device that it was given.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

MOST_ON_CPU = 8
"""A CPU's batches gain little beyond it, and every slot more makes all of them slower."""

MOST_ON_GPU = 128

_GRAPHS_BYTES = 512 * 1024**2
"""What recorded steps of all sizes and the libraries' work spaces take."""


@contextmanager
def memory_errors() -> Iterator[None]:
    """Say `MemoryError` where a device runs out of it, after giving back what nothing uses."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise MemoryError(str(error).splitlines()[0]) from None
    except RuntimeError as error:
        # Of the CPU's memory torch says it in no other way.
        if "can't allocate memory" not in str(error):
            raise
        raise MemoryError(str(error).splitlines()[0]) from None


def fitting_slots(room_bytes: float, slot_bytes: int, most: int) -> int:
    """Divide room among slots: at least one, since less is no instance, and at most `most` (pure)."""
    return max(1, min(most, int(room_bytes // slot_bytes)))


def slots_on_gpu(
    device: torch.device, slot_bytes: int, share: float, kept_bytes: int, largest_prefill: Callable[[], None]
) -> int:
    """How many slots fit on a GPU that holds the weights already.

    Args:
        device: which one.
        slot_bytes: of keys and values in one slot.
        share: of the whole device that this process may use; what others hold of it is theirs in any case.
        kept_bytes: of encoded windows that will be kept there.
        largest_prefill: computes as much at once as the engine ever will.
    """
    torch.cuda.reset_peak_memory_stats(device)
    largest_prefill()
    torch.cuda.synchronize(device)
    peak = torch.cuda.max_memory_allocated(device)
    gc.collect()
    torch.cuda.empty_cache()
    free, total = torch.cuda.mem_get_info(device)
    held = torch.cuda.memory_reserved(device)
    room = min(share * total, free + held) - peak - kept_bytes - _GRAPHS_BYTES
    return fitting_slots(room, slot_bytes, MOST_ON_GPU)


def slots_on_cpu(slot_bytes: int, share: float, available: int | None) -> int:
    """How many slots fit into so much available memory; `MOST_ON_CPU` where the system does not say how much."""
    return MOST_ON_CPU if available is None else fitting_slots(share * available, slot_bytes, MOST_ON_CPU)
