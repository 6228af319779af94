"""A target that is ready without an instance behind it."""

from __future__ import annotations

from harken.dispatch.targets.state import Event
from harken.dispatch.targets.target import Target
from harken.types import ModelInfo


def ready_target(name: str) -> Target:
    """A target with one slot."""
    target = Target(name, "http://nobody")
    target.model = ModelInfo(name="m", revision="1", max_segment_s=30.0, languages=(), slots=1)
    target.apply(Event.SAID_READY)
    return target
