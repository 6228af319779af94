"""What is told of a bridge's end, of all that Ray writes."""

from __future__ import annotations

from harken.fleet.ray.words import MOST_CHARS, bridge_said


def test_of_a_line_of_rays_log_only_the_sentence_is_told() -> None:
    """Neither time, process nor the place in Ray's sources; and no dump of its state."""
    lines = [
        "before",
        "[2026-11-30 12:59:43,195 E 2374 2400] rpc_client.h:204: Failed to connect to GCS.",
        "[state-dump] 1",
    ]
    assert bridge_said(lines) == "Failed to connect to GCS."
    assert bridge_said(["There is no Ray cluster here."]) == "There is no Ray cluster here."
    assert bridge_said([]) == ""
    assert len(bridge_said(["x" * 1000])) == MOST_CHARS
