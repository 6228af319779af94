"""The checks, each a rule that OpenAI's documentation or types promise to the users of its SDKs.

A check raises an AssertionError, or `Skip`. The names are those of the Node half (`conformance.mjs`), one for one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.audio import Transcription, TranscriptionVerbose

from tests.conformance.facts import Facts, Skip
from tests.conformance.sdk import Async, Sdk, Sync

Check = Callable[[Sdk, Facts], Awaitable[None]]
MODEL = "whisper-1"


async def refused(call: Awaitable[Any], kind: type[openai.APIStatusError], code: str, param: str = "") -> None:
    """The call raises the SDK's own exception for that status, with our code."""
    with pytest.raises(kind) as caught:
        await call
    error = caught.value
    assert type(error) is kind, repr(error)
    assert error.code == code, repr(error)
    assert (error.param or "") == param or not param, repr(error)
    assert error.request_id, "an error without x-request-id"


def says(facts: Facts, text: str) -> None:
    """The text is the recording's."""
    assert isinstance(text, str), text
    assert not facts.text or text == facts.text, text


async def models(sdk: Sdk, facts: Facts) -> None:
    """The list has the served model, which is described under its name and as whisper-1."""
    (model,) = await sdk.models()
    assert model.object == "model", model
    assert (await sdk.model(MODEL)).id == model.id
    assert (await sdk.model(model.id)).created == model.created


async def uploads(sdk: Sdk, facts: Facts) -> None:
    """A file is bytes, a path, an open file, or a tuple with its name."""
    path = Path(facts.file)
    with path.open("rb") as opened:
        for file in (path.read_bytes(), path, opened, (path.name, path.read_bytes(), "audio/ogg")):
            says(facts, (await sdk.create(file=file, model=MODEL)).text)


async def json(sdk: Sdk, facts: Facts) -> None:
    """The default: text, usage, languages, and the request's id."""
    result = await sdk.create(file=Path(facts.file), model=MODEL)
    assert isinstance(result, Transcription), type(result)
    says(facts, result.text)
    assert result.usage is not None
    assert result.usage.type == "duration", result.usage
    assert result.usage.seconds > 0, result.usage
    assert [language.code for language in result.languages or ()] == [facts.language], result.languages
    assert result._request_id, "no x-request-id"


async def text(sdk: Sdk, facts: Facts) -> None:
    """A plain string."""
    says(facts, (await sdk.create(file=Path(facts.file), model=MODEL, response_format="text")).rstrip("\n"))


async def srt(sdk: Sdk, facts: Facts) -> None:
    """A plain string of cues."""
    result = await sdk.create(file=Path(facts.file), model=MODEL, response_format="srt")
    assert result.startswith("1\n00:00:0"), result
    assert " --> " in result, result


async def vtt(sdk: Sdk, facts: Facts) -> None:
    """A plain string of cues."""
    result = await sdk.create(file=Path(facts.file), model=MODEL, response_format="vtt")
    assert result.startswith("WEBVTT\n\n"), result
    assert " --> " in result, result


async def verbose_json(sdk: Sdk, facts: Facts) -> None:
    """Segments with times, in order, that together are the text."""
    result = await sdk.create(file=Path(facts.file), model=MODEL, response_format="verbose_json")
    assert isinstance(result, TranscriptionVerbose), type(result)
    says(facts, result.text)
    assert result.language.islower(), result.language
    assert result.segments, "no segments"
    times = [time for segment in result.segments for time in (segment.start, segment.end)]
    assert times == sorted(times), times
    assert times[-1] <= result.duration + 0.001, times
    assert "".join(segment.text for segment in result.segments).strip() == result.text
    assert all(segment.avg_logprob <= 0 < segment.compression_ratio for segment in result.segments)
    assert result.words is None


async def words(sdk: Sdk, facts: Facts) -> None:
    """The times of words, where the server has an aligner; else a clear refusal."""
    options = {"response_format": "verbose_json", "timestamp_granularities": ["word"]}
    call = sdk.create(file=Path(facts.file), model=MODEL, **options)
    if (await sdk.model(MODEL)).to_dict().get("aligner") is None:
        await refused(call, openai.BadRequestError, "no_word_times", "timestamp_granularities")
        return
    result = await call
    assert result.words, "no words"
    assert [word.word.strip(".,") for word in result.words] == result.text.replace(".", "").replace(",", "").split()
    times = [time for word in result.words for time in (word.start, word.end)]
    assert times == sorted(times), times
    assert not result.segments, "segments were not asked for"


async def logprobs(sdk: Sdk, facts: Facts) -> None:
    """One for each token; the tokens are the text."""
    result = await sdk.create(file=Path(facts.file), model=MODEL, include=["logprobs"])
    assert result.logprobs, "no logprobs"
    assert all(one.logprob <= 0 for one in result.logprobs)
    spelled = bytes(int(byte) for one in result.logprobs for byte in one.bytes or ()).decode()
    assert spelled.strip() == result.text, spelled


async def stream(sdk: Sdk, facts: Facts) -> None:
    """Deltas, which together are the text, then one done with usage."""
    *deltas, done = await sdk.stream(file=Path(facts.file), model=MODEL)
    assert {event.type for event in deltas} == {"transcript.text.delta"}, deltas
    assert done.type == "transcript.text.done", done
    assert "".join(event.delta for event in deltas) == done.text
    says(facts, done.text)
    assert done.usage.to_dict()["seconds"] > 0, done.usage


async def stream_text(sdk: Sdk, facts: Facts) -> None:
    """With response_format=text the events are the same."""
    events = await sdk.stream(file=Path(facts.file), model=MODEL, response_format="text")
    says(facts, events[-1].text)


async def stream_logprobs(sdk: Sdk, facts: Facts) -> None:
    """The last event has them."""
    events = await sdk.stream(file=Path(facts.file), model=MODEL, include=["logprobs"])
    assert events[-1].logprobs[0].logprob <= 0, events[-1]
    told = [one.token for event in events[:-1] for one in event.logprobs or ()]
    assert told == [one.token for one in events[-1].logprobs], told


async def stream_error(sdk: Sdk, facts: Facts) -> None:
    """What fails after the first event raises the SDK's APIError, with our code."""
    if not facts.broken:
        raise Skip("needs --broken")
    with pytest.raises(openai.APIError) as caught:
        await sdk.stream(file=Path(facts.broken), model=MODEL)
    assert not isinstance(caught.value, openai.APIStatusError), repr(caught.value)
    assert caught.value.code, repr(caught.value)


async def chunking(sdk: Sdk, facts: Facts) -> None:
    """`auto`, and `server_vad` with its three numbers, which the SDK flattens."""
    says(facts, (await sdk.create(file=Path(facts.file), model=MODEL, chunking_strategy="auto")).text)
    vad = {"type": "server_vad", "threshold": 0.4, "prefix_padding_ms": 300, "silence_duration_ms": 800}
    assert (await sdk.create(file=Path(facts.file), model=MODEL, chunking_strategy=vad)).text


async def keywords(sdk: Sdk, facts: Facts) -> None:
    """The SDK's own list, and ours beside it; a prompt too."""
    options = {"keywords": ["Harken", "Qwen, Alibaba"], "prompt": "Digits.", "extra_body": {"hotwords": ["ASR"]}}
    assert (await sdk.create(file=Path(facts.file), model=MODEL, **options)).text


async def language(sdk: Sdk, facts: Facts) -> None:
    """A code is honoured, in either field; an unknown one is refused with the list of those that are known."""
    says(facts, (await sdk.create(file=Path(facts.file), model=MODEL, language=facts.language)).text)
    says(facts, (await sdk.create(file=Path(facts.file), model=MODEL, languages=[facts.language])).text)
    call = sdk.create(file=Path(facts.file), model=MODEL, language="tlh")
    await refused(call, openai.BadRequestError, "unknown_language", "language")


async def temperature(sdk: Sdk, facts: Facts) -> None:
    """0 to 1, and nothing else."""
    assert (await sdk.create(file=Path(facts.file), model=MODEL, temperature=0.2)).text
    call = sdk.create(file=Path(facts.file), model=MODEL, temperature=1.5)
    await refused(call, openai.BadRequestError, "unsupported_option", "temperature")


async def speakers(sdk: Sdk, facts: Facts) -> None:
    """The model does not tell speakers apart, and says so."""
    for param, options in (
        ("response_format", {"response_format": "diarized_json"}),
        ("known_speaker_names[]", {"known_speaker_names": ["Ann"]}),
    ):
        call = sdk.create(file=Path(facts.file), model=MODEL, **options)
        await refused(call, openai.BadRequestError, "unsupported_option", param)


async def unknown_field(sdk: Sdk, facts: Facts) -> None:
    """Nothing is ignored."""
    call = sdk.create(file=Path(facts.file), model=MODEL, extra_body={"promt": "x"})
    await refused(call, openai.BadRequestError, "unsupported_option", "promt")


async def bad_audio(sdk: Sdk, facts: Facts) -> None:
    """Not a recording."""
    await refused(sdk.create(file=b"no audio", model=MODEL), openai.BadRequestError, "undecodable_audio", "file")


async def unknown_model(sdk: Sdk, facts: Facts) -> None:
    """404, not another model in its place."""
    call = sdk.create(file=Path(facts.file), model="gpt-4o-transcribe")
    await refused(call, openai.NotFoundError, "model_not_found", "model")


async def translation(sdk: Sdk, facts: Facts) -> None:
    """501: the SDK's exception for a server that cannot."""
    call = sdk.translate(file=Path(facts.file), model=MODEL)
    await refused(call, openai.InternalServerError, "not_offered")


async def too_large(sdk: Sdk, facts: Facts) -> None:
    """413, readable although the client had not finished writing."""
    if not facts.large:
        raise Skip("needs --large")
    await refused(sdk.create(file=bytes(facts.large), model=MODEL), openai.APIStatusError, "upload_too_large")


async def wrong_key(sdk: Sdk, facts: Facts) -> None:
    """401, where the server needs keys."""
    if not facts.key:
        raise Skip("needs --key")
    stranger: Sdk = type(sdk)(facts.server, "hk_wrong")  # type: ignore[call-arg]
    try:
        call = stranger.create(file=Path(facts.file), model=MODEL)
        await refused(call, openai.AuthenticationError, "invalid_api_key")
    finally:
        await stranger.close()


async def headers(sdk: Sdk, facts: Facts) -> None:
    """The raw answer has the request's id; a client's own is kept."""
    own = {"X-Request-Id": "mine-7"}
    answer = await sdk.raw(file=Path(facts.file), model=MODEL, extra_headers=own)
    assert answer.headers["x-request-id"] == "mine-7", answer.headers
    says(facts, answer.parse().text)


CHECKS: tuple[Check, ...] = (
    models, uploads, json, text, srt, vtt, verbose_json, words, logprobs,
    stream, stream_text, stream_logprobs, stream_error,
    chunking, keywords, language, temperature, speakers,
    unknown_field, bad_audio, unknown_model, translation, too_large, wrong_key, headers,
)  # fmt: skip


async def run(check: Check, sdk: Sync | Async, facts: Facts) -> str:
    """One cell of the table: "ok", "skipped: …" or "FAILED: …"."""
    try:
        await check(sdk, facts)
    except Skip as skip:
        return f"skipped: {skip}"
    except (AssertionError, AttributeError, TypeError, ValueError, openai.OpenAIError, pytest.fail.Exception) as error:
        return f"FAILED: {error!r}"[:300]
    return "ok"
