"""Reading faults."""

from __future__ import annotations

import pytest

from harken.bench.faults import Fault, Kind, read_fault
from harken.errors import ConfigError


def test_a_fault_says_what_where_when_and_how_long() -> None:
    """The last only where it ends."""
    assert read_fault("half:1@60", instances=4) == Fault(kind=Kind.HALF, number=1, at_s=60.0)
    assert read_fault("stop:4@30.5+20", instances=4) == Fault(kind=Kind.STOP, number=4, at_s=30.5, for_s=20.0)


@pytest.mark.parametrize("text", ["half", "half:1", "melt:1@2", "kill:5@1", "kill:0@1", "kill:1@x", "kill:1@1+"])
def test_what_is_none_is_refused(text: str) -> None:
    """Before anything runs."""
    with pytest.raises(ConfigError, match=text.replace("+", r"\+")):
        read_fault(text, instances=4)
