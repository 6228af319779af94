"""The memory of a model's tensors, wherever they are kept."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.engine.memory import tensor_bytes


class Odd(nn.Module):
    """Keeps tensors where torch does not look for them."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 4, bias=False)
        self.layers = [{"packed": torch.zeros(100, dtype=torch.uint8)}]


def test_tensors_in_plain_lists_count() -> None:
    """As packed weights do."""
    assert tensor_bytes(Odd()) == 8 * 4 * 4 + 100


def test_shared_memory_counts_once() -> None:
    """A tied head, a view."""
    module = Odd()
    held = [module, module.linear.weight.detach()[:2], module]
    assert tensor_bytes(held) == tensor_bytes(module)
