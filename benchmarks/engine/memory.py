"""How much memory a model's tensors take, wherever its parts keep them."""

from __future__ import annotations

import gc
import types

import torch
from torch import Tensor

_ELSEWHERE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.CodeType)
"""What leads out of a model, into the rest of the program."""


def tensor_bytes(owner: object) -> int:
    """The bytes of all tensors that an object leads to, each memory counted once."""
    found: dict[int, int] = {}
    seen: set[int] = set()
    ahead: list[object] = [owner]
    while ahead:
        one = ahead.pop()
        if id(one) in seen or isinstance(one, _ELSEWHERE):
            continue
        seen.add(id(one))
        if isinstance(one, Tensor):
            storage = one.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
        elif not isinstance(one, torch.dtype | torch.device | str | bytes | int | float):
            ahead += gc.get_referents(one)
    return sum(found.values())
