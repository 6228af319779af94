"""How many slots there is memory for."""

from __future__ import annotations

import pytest
import torch

from harken.qwen3_asr.memory import MOST_ON_CPU, fitting_slots, memory_errors
from harken.qwen3_asr.model import Qwen3ASR

GB = 1_000_000_000


@pytest.mark.parametrize(
    ("room", "slot", "slots"),
    [(10 * GB, GB, 10), (9.99 * GB, GB, 9), (500 * GB, GB, 128), (0.2 * GB, GB, 1), (-GB, GB, 1)],
)
def test_room_is_divided_among_slots(room: float, slot: int, slots: int) -> None:
    """Never none, and never more than are worth it."""
    assert fitting_slots(room, slot, 128) == slots


def test_a_cpu_gets_as_many_slots_as_its_memory_holds(ours: Qwen3ASR) -> None:
    """At most eight; one where there is hardly any; all where nobody knows."""
    for available, slots in ((8 * GB, MOST_ON_CPU), (1000, 1), (None, MOST_ON_CPU)):
        assert ours.fitting_slots(max_tokens=500, share=0.5, available_bytes=available) == slots


def test_a_cache_that_no_machine_has_memory_for_is_a_memory_error(ours: Qwen3ASR) -> None:
    """The engine then tries with fewer slots; any other error of torch stays what it is."""
    with pytest.raises(MemoryError):
        ours.open_cache(slots=1 << 40, max_tokens=2048)
    with pytest.raises(RuntimeError, match="shapes"), memory_errors():
        torch.ones(2, 3) @ torch.ones(2, 3)
