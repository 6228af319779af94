"""What an engine of another package says of itself, as the types that we declare; or which field is wrong. Pure.

Annotations of a dataclass hold nobody to them, and a text in a number's place would fail far from here, at each segment
or in a gateway. It knows nothing of packages. The invariant: what is returned can travel in an instance's state and be
counted with; else `ValueError` names the field and what it holds, in words that fit into a sentence.
"""

from __future__ import annotations

import reprlib
from numbers import Integral, Real
from typing import Any

import numpy as np

from harken.languages import NAMES
from harken.plugin import EngineInfo, Proof, Wish
from harken.types import SAMPLE_RATE
from harken.words import words_of

_SEGMENT_LEAST_S, _SEGMENT_MAX_S = 1.0, 3600.0
_SLOTS_MAX = 10_000
_NAME_MAX = 200
"""Characters of a name: a gateway reads at most 64 KiB of an instance's state."""


def checked_info(info: EngineInfo, *, revision: str) -> EngineInfo:
    """Check every field.

    Args:
        info: what the engine says.
        revision: for an engine that says none.

    Raises:
        ValueError: a field cannot be what it is.
    """
    max_segment_s = _number(info.max_segment_s, "max_segment_s", _SEGMENT_LEAST_S, _SEGMENT_MAX_S)
    return EngineInfo(
        name=_name(info.name, "name"),
        languages=_languages(info.languages),
        revision=_name(info.revision, "revision") if info.revision != "" else revision,
        max_segment_s=max_segment_s,
        slots=_slots(info.slots),
        honours=_honours(info.honours),
        times_words=_flag(info.times_words, "times_words"),
        proof=None if info.proof is None else _proof(info.proof, max_segment_s),
        device=_name(info.device, "device"),
    )


def _proof(proof: object, max_segment_s: float) -> Proof:
    if not isinstance(proof, Proof):
        raise ValueError(f"proof is {_told(proof)} instead of a Proof")
    if not isinstance(proof.text, str):
        raise ValueError(f"proof.text is {_told(proof.text)} instead of text")
    if not words_of(proof.text):
        raise ValueError("nothing is said in proof.text")
    samples = proof.samples
    if not isinstance(samples, np.ndarray) or samples.dtype.kind != "f" or samples.ndim != 1:
        raise ValueError(f"proof.samples is {_told(samples)} instead of float32 [n]")
    if not 0 < len(samples) <= max_segment_s * SAMPLE_RATE:
        raise ValueError(f"proof.samples has {len(samples)} samples, which is no recording of one segment")
    if not np.isfinite(samples).all():
        raise ValueError("proof.samples holds what is no number")
    tolerance = _number(proof.tolerance, "proof.tolerance", 0.0, 1.0)
    return Proof(samples=np.ascontiguousarray(samples, dtype=np.float32), text=proof.text, tolerance=tolerance)


def _name(raw: Any, field: str) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"{field} is {_told(raw)} instead of text")
    if not raw.strip() or not raw.isprintable() or len(raw) > _NAME_MAX:
        raise ValueError(f"{field} is {_told(raw)}: empty, longer than {_NAME_MAX} characters, or cannot be printed")
    return raw


def _languages(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, tuple | list):
        raise ValueError(f"languages is {_told(raw)} instead of a tuple of names")
    unknown = [_told(name) for name in raw[:_NAME_MAX] if not isinstance(name, str) or name not in NAMES]
    if not raw or unknown:
        raise ValueError(f"languages are {', '.join(unknown[:5]) or 'none'}; known are {', '.join(NAMES)}")
    return tuple(dict.fromkeys(raw))


def _number(raw: Any, field: str, least: float, most: float) -> float:
    if not isinstance(raw, Real) or isinstance(raw, bool):  # numpy's are Real too
        raise ValueError(f"{field} is {_told(raw)} instead of a number")
    try:
        number = float(raw)
    except OverflowError:
        number = float("inf")
    if not least <= number <= most:
        raise ValueError(f"{field} is {_told(number)}, which must be from {least:g} to {most:g}")
    return number


def _slots(raw: Any) -> int:
    if not isinstance(raw, Integral) or isinstance(raw, bool):
        raise ValueError(f"slots is {_told(raw)} instead of a whole number")
    slots = int(raw)
    if not 1 <= slots <= _SLOTS_MAX:
        raise ValueError(f"slots is {_told(slots)}, which must be from 1 to {_SLOTS_MAX}")
    return slots


def _honours(raw: Any) -> frozenset[Wish]:
    if not isinstance(raw, frozenset | set | tuple | list) or not all(isinstance(wish, Wish) for wish in raw):
        raise ValueError(f"honours is {_told(raw)} instead of a set of Wish ({', '.join(Wish)})")
    return frozenset(raw)


def _flag(raw: Any, field: str) -> bool:
    if not isinstance(raw, bool):
        raise ValueError(f"{field} is {_told(raw)} instead of True or False")
    return raw


def _told(raw: object) -> str:
    """What a field holds, in a few words; an array's values are no help."""
    if isinstance(raw, np.ndarray):
        return f"{raw.dtype} {list(raw.shape)}"
    if raw is None or isinstance(raw, bool | str | int | float):
        return reprlib.repr(raw)
    return f"of type {type(raw).__name__[:40]}"
