"""A recording's result in the format that was asked for. Pure.

Owns which writer writes which `Form`, and its media type; requests, jobs and the command line share it. The invariant:
each form holds the whole text, and the JSON ones say what could not be repaired.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, assert_never

from harken.transcribe.cues import cues_of
from harken.transcribe.form import Form, Rendered
from harken.transcribe.result import RecordingTranscript
from harken.transcribe.srt import write_srt
from harken.transcribe.verbose import brief, verbose
from harken.transcribe.vtt import write_vtt

__all__ = ["MEDIA_TYPES", "Form", "Rendered", "render"]

MEDIA_TYPES: dict[Form, str] = {
    Form.JSON: "application/json",
    Form.TEXT: "text/plain; charset=utf-8",
    Form.SRT: "application/x-subrip; charset=utf-8",
    Form.VERBOSE_JSON: "application/json",
    Form.VTT: "text/vtt; charset=utf-8",
}


def render(
    result: RecordingTranscript,
    form: Form,
    *,
    granularities: Collection[str] = ("segment",),
    with_logprobs: bool = False,
    temperature: float = 0.0,
) -> Rendered:
    """Write a result out.

    Subtitles and segments of three hours take about a second: on an event loop, call it in a thread for long ones.

    Args:
        result: of the transcriber.
        form: which format.
        granularities: "segment" and "word": what `verbose_json` lists.
        with_logprobs: the tokens' log-probabilities in `json` and `verbose_json`, where the result has them.
        temperature: what the recognition was asked for; `verbose_json` repeats it.
    """
    match form:
        case Form.JSON:
            text = _json(brief(result, with_logprobs=with_logprobs))
        case Form.VERBOSE_JSON:
            text = _json(
                verbose(result, granularities=granularities, with_logprobs=with_logprobs, temperature=temperature)
            )
        case Form.TEXT:
            text = f"{result.text}\n"
        case Form.SRT:
            text = write_srt(cues_of(result))
        case Form.VTT:
            text = write_vtt(cues_of(result))
        case _:
            assert_never(form)
    return Rendered(media_type=MEDIA_TYPES[form], body=text.encode())


def _json(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False)
