"""Rules of harken.engine.plugin_info."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harken.engine.plugin_info import checked_info
from harken.plugin import EngineInfo, Proof, Wish

_SAMPLES = np.zeros(16_000, np.float32)


def _info(**fields: Any) -> EngineInfo:
    return EngineInfo(**{"name": "toy", "languages": ("English",), **fields})


def test_what_can_be_is_returned_as_the_types_that_are_declared() -> None:
    """Lists, sets and numpy's numbers are common mistakes that do no harm; the revision is filled in."""
    samples: Any = _SAMPLES.astype(np.float64)[::2]
    proof = Proof(samples=samples, text="hello", tolerance=0)
    info = checked_info(
        _info(
            languages=["English", "German", "English"],
            max_segment_s=np.float32(20),
            slots=np.int64(2),
            honours=[Wish.CONTEXT],
            proof=proof,
        ),
        revision="acme 1.0",
    )
    assert (info.languages, info.revision, info.honours) == (
        ("English", "German"),
        "acme 1.0",
        frozenset({Wish.CONTEXT}),
    )
    assert (type(info.max_segment_s), type(info.slots)) == (float, int)
    assert info.proof is not None
    assert info.proof.samples.dtype.name == "float32"
    assert info.proof.samples.flags.c_contiguous


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": 5}, "name is 5 instead of text"),
        ({"name": " "}, "name is ' ': empty"),
        ({"name": "a\nb"}, "cannot be printed"),
        ({"name": "a" * 70_000}, "longer than 200"),
        ({"languages": 5}, "languages is 5 instead of a tuple"),
        ({"languages": "English"}, "languages is 'English' instead of a tuple"),
        ({"languages": ()}, "languages are none"),
        ({"languages": ([],)}, "languages are of type list"),
        ({"revision": 7}, "revision is 7 instead of text"),
        ({"revision": None}, "revision is None instead of text"),
        ({"max_segment_s": "30"}, "max_segment_s is '30' instead of a number"),
        ({"max_segment_s": True}, "max_segment_s is True instead of a number"),
        ({"max_segment_s": float("inf")}, "max_segment_s is inf, which must be from 1 to 3600"),
        ({"max_segment_s": 10**400}, "max_segment_s is inf"),
        ({"slots": 1.5}, "slots is 1.5 instead of a whole number"),
        ({"slots": 10**9}, "slots is 1000000000, which must be"),
        ({"honours": 5}, "honours is 5 instead of a set of Wish"),
        ({"honours": {"context"}}, "honours is of type set"),
        ({"times_words": "yes"}, "times_words is 'yes' instead of True or False"),
        ({"proof": 5}, "proof is 5 instead of a Proof"),
        ({"proof": Proof(samples=_SAMPLES, text=5)}, "proof.text is 5"),  # type: ignore[arg-type]
        ({"proof": Proof(samples=_SAMPLES, text="...")}, "nothing is said"),
        ({"proof": Proof(samples="abc", text="a")}, "proof.samples is 'abc'"),  # type: ignore[arg-type]
        ({"proof": Proof(samples=_SAMPLES[:0], text="a")}, "0 samples"),
        ({"proof": Proof(samples=np.zeros((2, 9), np.float32), text="a")}, r"proof.samples is float32 \[2, 9\]"),
        ({"proof": Proof(samples=_SAMPLES + np.nan, text="a")}, "no number"),
        ({"proof": Proof(samples=_SAMPLES, text="a", tolerance="0.1")}, "tolerance is '0.1'"),  # type: ignore[arg-type]
        ({"proof": Proof(samples=_SAMPLES, text="a", tolerance=2)}, "tolerance is 2.0, which"),
        ({"device": 0}, "device is 0 instead of text"),
    ],
)
def test_what_cannot_be_is_told_with_its_field(fields: dict[str, Any], told: str) -> None:
    """A dataclass takes anything; an instance cannot."""
    with pytest.raises(ValueError, match=told):
        checked_info(_info(**fields), revision="acme 1.0")
