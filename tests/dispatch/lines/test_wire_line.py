"""The line to an instance of ours."""

from __future__ import annotations

from harken.dispatch.lines.session import open_session
from harken.dispatch.lines.wire_line import WireLine
from harken.types import Options
from harken.wire import InstanceState, Job
from tests.dispatch.house import run
from tests.dispatch.instances import Instance, expected_text, make_segment, running


def test_a_wire_line_carries_looks_and_segments_to_its_instance() -> None:
    """At one address, which may end in a slash."""
    one, segment = Instance("one"), make_segment()
    job = Job(segment=segment, options=Options(), wants_deltas=False)

    async def story() -> None:
        async with running(one), open_session() as session:
            line = WireLine(one.url + "/", session)
            found = await line.look(2.0)
            assert isinstance(found, InstanceState)
            assert found.name == "one"
            assert (await line.recognize(job, lambda _: None)).text == expected_text(segment)

    run(story())
