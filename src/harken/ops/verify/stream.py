"""A streamed transcription: its text must come in pieces, while it is recognised, and end properly.

Something in front of a server may hold an answer back until it is complete; then the pieces are all there, but they
come at once. A short recording on a fast machine may come at once too, so a longer one is tried before it is said.
"""

from __future__ import annotations

import json

from harken.ops.verify.caller import Reply
from harken.ops.verify.check import CheckFailed, ok
from harken.ops.verify.visit import Visit, refusal, remedy_for

_LENGTHS = (2, 8, 24)
"""Copies in a row: from a few seconds to a few minutes of audio, for what is packaged."""

_APART_S = 0.005
"""What comes closer together may have been one piece on its way."""


async def see_stream(visit: Visit) -> None:
    """Have the recording streamed.

    Raises:
        CheckFailed: it is not.
    """
    for times in _LENGTHS:
        reply = await visit.caller.post(
            "/v1/audio/transcriptions",
            {"stream": "true"},
            ("file", visit.known.copy(visit.chance, times=times)),
        )
        deltas = check_events(reply)
        pieces, spread_s = len(reply.arrivals), reply.arrivals[-1] - reply.arrivals[0]
        if deltas > 1 and spread_s > _APART_S:
            found = f"{deltas} pieces of text in {pieces} reads; the first after {reply.arrivals[0]:.3f} s of "
            visit.tell(ok("stream", f"{found}{reply.took_s:.3f} s.", first_s=round(reply.arrivals[0], 4)))
            return
    raise CheckFailed(
        f"{deltas} pieces of text came in {pieces} read(s) within {spread_s:.3f} s, however long the recording.",
        "Something holds the answer back: in nginx `proxy_buffering off;`, and no caching or compressing proxy.",
    )


def check_events(reply: Reply) -> int:
    """Read a stream of events; return how many pieces of text there are.

    Raises:
        CheckFailed: it is none, or has no proper end.
    """
    remedy = "Look at the server's log for this request."
    if reply.problem or reply.status != 200 or not reply.arrivals:
        told = reply.problem or refusal(reply)
        raise CheckFailed(f"No stream: {told}.", remedy_for(reply.status) if reply.status >= 400 else remedy)
    if not reply.headers.get("content-type", "").startswith("text/event-stream"):
        raise CheckFailed("The answer is not a stream of events.", "Is something between that rewrites answers?")
    events = []
    for line in reply.body.decode(errors="replace").splitlines():
        if line.startswith("data:"):
            try:
                events.append(json.loads(line.removeprefix("data:")))
            except ValueError:
                raise CheckFailed("An event of the stream is broken.", remedy) from None
    if not all(isinstance(event, dict) for event in events):
        raise CheckFailed("An event of the stream is none of Harken's.", remedy)
    kinds = [event.get("type") for event in events]
    if not kinds or kinds[-1] != "transcript.text.done":
        raise CheckFailed(f"The stream ends with {kinds[-1] if kinds else 'nothing'}, not with its end.", remedy)
    deltas = [str(event.get("delta")) for event in events if event.get("type") == "transcript.text.delta"]
    if "".join(deltas) != events[-1].get("text"):
        raise CheckFailed("The pieces of the stream are not the text at its end.", remedy)
    return len(deltas)
