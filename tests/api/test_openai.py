"""POST /v1/audio/transcriptions and GET /v1/models, as OpenAI's clients use them."""

from __future__ import annotations

import dataclasses
from typing import Any

import httpx

from harken.errors import (
    AudioTooLong,
    EmptyAudio,
    NoReadyInstance,
    TimedOut,
    TruncatedAudio,
    UndecodableAudio,
    UnsupportedOption,
)
from harken.types import AlignerInfo, Transcript
from tests.api.world import CLIP, World, ask, ask_all
from tests.transcribe.fakes import INFO, FakeRecognizer, capped, file, silence, speech

PATH = "/v1/audio/transcriptions"


def form(fields: dict[str, str]) -> dict[str, Any]:
    """A clip and these fields."""
    return {"files": {"file": ("a.wav", CLIP)}, "data": fields}


def post(fields: dict[str, str], world: World | None = None) -> httpx.Response:
    """One call with a clip and these fields."""
    return ask(world or World(), "POST", PATH, **form(fields))


def test_json_has_text_language_and_usage() -> None:
    """OpenAI's shape; the language comes on top."""
    answer = post({"model": "whisper-1"})
    assert answer.status_code == 200
    assert answer.json() == {
        "text": "part 0",
        "language": "English",
        "languages": [{"code": "en", "name": "English"}],
        "usage": {"type": "duration", "seconds": 0.5},
    }
    assert answer.headers["x-harken-instance"] == "asr-1"


def test_text_is_plain_and_ends_with_a_newline() -> None:
    """As OpenAI answers it."""
    answer = post({"response_format": "text"})
    assert answer.text == "part 0\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_silence_is_an_empty_text() -> None:
    """Not an error, in either format."""
    world = World()
    answer = ask(world, "POST", PATH, files={"file": file(silence(2.0))})
    usage = {"type": "duration", "seconds": 2.0}
    assert answer.json() == {"text": "", "language": "", "languages": [], "usage": usage}


def test_a_capped_answer_says_so() -> None:
    """Words may be missing, and the client can know."""
    world = World(recognizer=FakeRecognizer(answer=capped))
    assert post({}, world).headers["x-harken-incomplete"] == "true"


def test_prompt_becomes_context_and_language_is_forced() -> None:
    """OpenAI's names for what the model knows as context and language."""
    world = World()
    post({"prompt": "Harken, Qwen", "language": "de"}, world)
    options = world.recognizer.seen[0][1]
    assert (options.context, options.language) == ("Harken, Qwen", "German")


def test_the_served_model_goes_by_four_names() -> None:
    """None at all, the full name, its last part, and the one that clients have built in."""
    names = ("", INFO.name, "Qwen3-ASR-digits", "whisper-1")
    answers = ask_all(World(), "POST", PATH, [form({"model": name}) for name in names])
    assert [answer.status_code for answer in answers] == [200] * 4


def test_another_model_is_not_found_and_the_message_names_the_served_one() -> None:
    """A client that asks for another model must not get this one in its place."""
    answer = post({"model": "gpt-4o-transcribe"})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"
    assert answer.json()["error"]["param"] == "model"
    assert INFO.name in answer.json()["error"]["message"]


REFUSED = [
    ("response_format", "diarized_json"),
    ("temperature", "warm"),
    ("chunking_strategy", '{"type": "semantic_vad"}'),
    ("timestamp_granularities[]", "word"),
    ("include[]", "usage"),
    ("known_speaker_names[]", "Ann"),
    ("langauge", "en"),
]


def test_what_cannot_be_honoured_is_refused_by_name() -> None:
    """No field is ignored in silence; `test_fields` has all the reasons."""
    answers = ask_all(World(), "POST", PATH, [form({field: value}) for field, value in REFUSED])
    for (field, _), answer in zip(REFUSED, answers, strict=True):
        assert answer.status_code == 400, field
        error = answer.json()["error"]
        assert (error["code"], error["type"], error["param"]) == ("unsupported_option", "invalid_request_error", field)
        assert field in error["message"]


def test_every_format_has_its_media_type_and_its_body() -> None:
    """The body is the writer's (`harken.transcribe.render`); here is what goes around it."""
    formats = ("json", "text", "srt", "verbose_json", "vtt")
    answers = ask_all(World(), "POST", PATH, [form({"response_format": name}) for name in formats])
    found = {name: answer.headers["content-type"] for name, answer in zip(formats, answers, strict=True)}
    assert found == {
        "json": "application/json",
        "text": "text/plain; charset=utf-8",
        "srt": "application/x-subrip; charset=utf-8",
        "verbose_json": "application/json",
        "vtt": "text/vtt; charset=utf-8",
    }
    for answer in answers:
        assert "part 0" in answer.text
        assert answer.headers["x-harken-instance"] == "asr-1"
    verbose = answers[3].json()
    assert (verbose["task"], verbose["language"], verbose["duration"]) == ("transcribe", "english", 0.5)
    assert [segment["text"].strip() for segment in verbose["segments"]] == ["part 0"]


def test_options_reach_the_recognizer() -> None:
    """Temperature, log-probabilities, hot words: what is accepted is honoured."""
    world = World()
    fields = {"temperature": "0.3", "include[]": "logprobs", "hotwords": "Harken, Qwen", "prompt": "A talk."}
    assert post(fields, world).status_code == 200
    options = world.recognizer.seen[0][1]
    assert (options.temperature, options.wants_logprobs) == (0.3, True)
    assert options.context == "A talk.\nHarken, Qwen"


def test_log_probabilities_that_nobody_gave_are_missed_only_where_they_were_asked_for() -> None:
    """verbose_json likes to have them and does without; `include` says that it cannot be had."""
    world = World()
    world.recognizer.answer = lambda segment, _: Transcript(text="nine", language="English", audio_s=segment.audio_s)
    verbose = post({"response_format": "verbose_json"}, world)
    assert (verbose.status_code, verbose.json()["text"]) == (200, "nine")
    assert world.recognizer.seen[0][1].wants_logprobs
    error = post({"include[]": "logprobs"}, world)
    assert (error.status_code, error.json()["error"]["code"]) == (400, "unsupported_option")
    assert error.json()["error"]["param"] == "include"


def test_word_times_without_an_aligner_are_refused_by_their_own_code() -> None:
    """Nothing was recognised for it."""
    world = World()
    answer = post({"response_format": "verbose_json", "timestamp_granularities[]": "word"}, world)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "no_word_times")
    assert error["param"] == "timestamp_granularities"
    assert not world.recognizer.seen


def test_translation_is_not_offered() -> None:
    """501 in OpenAI's shape, with a recording or without; the body is read away, not thrown back."""
    for files in ({"file": CLIP}, None):
        answer = ask(World(), "POST", "/v1/audio/translations", files=files)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["type"]) == (501, "not_offered", "server_error")


def test_an_unknown_language_names_its_field() -> None:
    """OpenAI's `param` says where to look."""
    answer = post({"language": "Klingon"})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "language"
    assert answer.json()["error"]["code"] == "unknown_language"


def test_the_model_list_has_the_one_model() -> None:
    """With what a client may want to know of it."""
    answer = ask(World(), "GET", "/v1/models").json()
    assert answer["object"] == "list"
    (model,) = answer["data"]
    assert (model["id"], model["object"], model["owned_by"]) == (INFO.name, "model", "harken")
    assert isinstance(model["created"], int)
    assert model["languages"] == list(INFO.languages)
    assert model["aligner"] is None


def test_the_model_list_tells_what_times_words() -> None:
    """A client can know before it asks."""
    aligner = AlignerInfo(name="Qwen/Qwen3-ForcedAligner-0.6B", revision="a1", languages=("English",))
    world = World(recognizer=FakeRecognizer(info=dataclasses.replace(INFO, aligner=aligner)))
    (model,) = ask(world, "GET", "/v1/models").json()["data"]
    assert model["aligner"] == {"id": aligner.name, "revision": "a1", "languages": ["English"]}


def test_a_model_is_described_under_each_of_its_names() -> None:
    """Names have slashes; the answer has the full name always."""
    for name in (INFO.name, "Qwen3-ASR-digits", "whisper-1"):
        assert ask(World(), "GET", f"/v1/models/{name}").json()["id"] == INFO.name
    missing = ask(World(), "GET", "/v1/models/other")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")


def test_without_an_instance_there_is_no_model_to_list() -> None:
    """503 with a code, not an empty list that looks like an answer."""
    answer = ask(World(recognizer=FakeRecognizer(info=NoReadyInstance())), "GET", "/v1/models")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_ready_instance")
    assert answer.json()["error"]["type"] == "server_error"


def test_before_the_first_instance_the_models_are_not_waited_for() -> None:
    """A server without a model says so at once; a recognizer would keep the caller until there is one."""
    world = World(recognizer=FakeRecognizer(info=TimedOut("it was asked")))
    world.health = dataclasses.replace(world.health, model="", state="starting", is_ready=False)
    for path in ("/v1/models", f"/v1/models/{INFO.name}"):
        answer = ask(world, "GET", path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_ready_instance")
        assert int(answer.headers["retry-after"]) >= 1


def test_the_list_of_models_has_one_address() -> None:
    """A slash too many is neither the list nor a model without a name."""
    answer = ask(World(), "GET", "/v1/models/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_query_parameter_is_refused_by_name() -> None:
    """It would otherwise be ignored in silence."""
    answer = ask(World(), "POST", f"{PATH}?language=zh", **form({}))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "unsupported_option", "language")
    assert "form field" in error["message"]


def test_a_bad_file_is_the_fault_of_its_field() -> None:
    """Whatever is wrong with it, and wherever that was found."""
    for raised in (EmptyAudio, TruncatedAudio, UndecodableAudio, AudioTooLong):
        answer = post({}, World(recognizer=FakeRecognizer(errors={0: raised()})))
        assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == (raised.code, "file")
    empty = ask(World(), "POST", PATH, files={"file": b""}).json()["error"]
    odd = ask(World(), "POST", PATH, files={"file": b"odd"}).json()["error"]
    assert (empty["param"], odd["param"]) == ("file", "file")


def test_a_prompt_that_is_too_long_is_the_fault_of_its_field() -> None:
    """Only the model can count its tokens, and it does not know what the form calls them."""
    answer = post({"prompt": "x"}, World(recognizer=FakeRecognizer(errors={0: UnsupportedOption("too long")})))
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == ("unsupported_option", "prompt")


def test_several_pieces_are_one_text() -> None:
    """The client does not see where the recording was cut."""
    answer = ask(World(), "POST", PATH, files={"file": file(speech(0.8), silence(0.4), speech(0.8))})
    assert answer.json()["text"] == "part 0 part 1"
    assert answer.json()["usage"]["seconds"] == 2.0
