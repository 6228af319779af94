"""What a server must refuse, and what it says of itself to machines.

A refusal counts only with its status and its stable code: a proxy's own 400 is not the server's. The invariant: what is
sent here is never a recording, so no model works for it.
"""

from __future__ import annotations

import asyncio

from harken.ops.verify.check import failed, ok
from harken.ops.verify.seen import json_object
from harken.ops.verify.visit import Visit, code_of, refusal

_WORDS = b"These are words and not a recording."
_ROUTES = frozenset({"/asr", "/v1/audio/transcriptions", "/health"})


async def see_refusals(visit: Visit) -> None:
    """Send a form without a file, and a file that is no recording: each is refused by its stable code."""
    nothing, text, openai = await asyncio.gather(
        visit.caller.post("/asr", {"language": "auto"}, None),
        visit.caller.post("/asr", {}, ("audio", _WORDS)),
        visit.caller.post("/v1/audio/transcriptions", {}, ("file", _WORDS)),
    )
    wrong = [
        f"{what}: {reply.problem or refusal(reply)}"
        for what, reply, code in (
            ("a form without a file on /asr", nothing, "missing_audio"),
            ("text instead of a recording on /asr", text, "undecodable_audio"),
            ("the same on /v1/audio/transcriptions", openai, "undecodable_audio"),
        )
        if reply.status != 400 or code_of(reply) != code
    ]
    if wrong:
        remedy = "400 with missing_audio or undecodable_audio is right; is a proxy between that answers itself?"
        visit.tell(failed("errors", f"Not refused as it should be: {'; '.join(wrong)}.", remedy))
    else:
        visit.tell(ok("errors", "A form without a file is 400 missing_audio, a file of text 400 undecodable_audio."))


async def see_schema(visit: Visit) -> None:
    """Read the description of the API."""
    reply = await visit.caller.get("/openapi.json")
    found = json_object(reply.body)
    paths = found.get("paths")
    missing = _ROUTES - set(paths) if isinstance(paths, dict) else _ROUTES
    if reply.problem or reply.status != 200 or missing:
        told = reply.problem or f"HTTP {reply.status}, without {', '.join(sorted(missing)) or 'anything missing'}"
        visit.tell(failed("openapi", f"/openapi.json: {told}.", "A proxy in front must pass all paths through."))
    else:
        visit.tell(ok("openapi", f"/openapi.json describes {len(paths or ())} paths."))
