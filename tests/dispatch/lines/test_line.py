"""The line with nobody at its other end."""

from __future__ import annotations

import pytest

from harken.dispatch.lines.failures import Unreached
from harken.dispatch.lines.line import DeadLine, Missed
from harken.types import Options
from harken.wire import Job
from tests.dispatch.house import run
from tests.dispatch.instances import make_segment


def test_a_dead_line_says_that_nobody_is_there() -> None:
    """Whatever is asked of it."""
    job = Job(segment=make_segment(), options=Options(), wants_deltas=False)
    assert isinstance(run(DeadLine().look(1.0)), Missed)
    with pytest.raises(Unreached):
        run(DeadLine().recognize(job, lambda _: None))
    with pytest.raises(Unreached):
        run(DeadLine().prove())
