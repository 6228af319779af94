"""What a transcription may be asked for, and what is refused by name."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from harken.api.fields import Granularity, TranscriptionRequest, ask_of, read_fields
from harken.api.vad import ServerVad
from harken.errors import ClientError, ModelNotFound, NoWordTimes, UnknownLanguage, UnsupportedOption
from harken.transcribe.form import Form
from harken.types import AlignerInfo, ModelInfo, Wish

ALIGNER = AlignerInfo(name="aligner", revision="a1", languages=("English", "German"))
SERVED = ModelInfo(name="Qwen/Qwen3-ASR-1.7B", revision="r1", max_segment_s=30.0, languages=("English", "Chinese"))
TIMED = dataclasses.replace(SERVED, aligner=ALIGNER)


def read(**given: Any) -> TranscriptionRequest:
    """What a form with these fields asks for."""
    return read_fields({name: [value] if isinstance(value, str) else value for name, value in given.items()})


def refusal(**given: Any) -> UnsupportedOption:
    """Why it is refused."""
    with pytest.raises(UnsupportedOption) as caught:
        read(**given)
    return caught.value


def test_a_form_without_fields_asks_for_the_defaults() -> None:
    """JSON, detected language, greedy, cut as Harken likes."""
    assert read() == TranscriptionRequest()
    ask = ask_of(read(), SERVED)
    assert (ask.options.language, ask.options.temperature, ask.options.wants_words) == (None, 0.0, False)
    assert not ask.cut.splits_at_pauses


def test_values_that_ask_for_nothing_special_pass() -> None:
    """Clients send their defaults along."""
    for field, value in (
        ("temperature", "0.0"),
        ("stream", "False"),
        ("stream", "0"),
        ("chunking_strategy", "auto"),
        ("response_format", "json"),
        ("language", "auto"),
        ("known_speaker_names[]", ""),
        ("timestamp_granularities[]", ""),
    ):
        request = read(**{field: value})
        assert ask_of(request, SERVED) == ask_of(TranscriptionRequest(), SERVED), field


REFUSED = [
    ({"response_format": "xml"}, "json, text, srt, verbose_json, vtt"),
    ({"response_format": "diarized_json"}, "speakers"),
    ({"temperature": "1.1"}, "from 0 to 1"),
    ({"temperature": "-0.1"}, "from 0 to 1"),
    ({"temperature": "nan"}, "from 0 to 1"),
    ({"temperature": "warm"}, "'warm'"),
    ({"stream": "yes"}, "true or false"),
    ({"stream": "true", "response_format": "srt"}, "json"),
    ({"stream": "true", "response_format": "verbose_json"}, "json"),
    ({"include[]": "usage"}, "only logprobs"),
    ({"include[]": "logprobs", "response_format": "text"}, "response_format=json"),
    ({"include[]": "logprobs", "response_format": "verbose_json"}, "response_format=json"),
    ({"timestamp_granularities[]": "letter", "response_format": "verbose_json"}, "segment, word"),
    ({"timestamp_granularities[]": "word"}, "verbose_json"),
    ({"timestamp_granularities": "segment", "response_format": "text"}, "verbose_json"),
    ({"known_speaker_names[]": "Ann"}, "speakers"),
    ({"known_speaker_references[]": "data:audio/wav;base64,AA=="}, "speakers"),
    ({"languages[]": ["en", "zh"]}, "one language"),
    ({"languages[]": "en", "language": "zh"}, "one language"),
    ({"chunking_strategy": "server_vad"}, "JSON"),
    ({"chunking_strategy": '{"type": "semantic"}'}, "server_vad"),
    ({"chunking_strategy": "[]"}, "JSON"),
    ({"chunking_strategy": '{"type": "server_vad", "threshold": 2}'}, "threshold"),
    ({"chunking_strategy": '{"type": "server_vad", "silence_duration_ms": -1}'}, "silence_duration_ms"),
    ({"chunking_strategy": '{"type": "server_vad", "padding": 1}'}, "prefix_padding_ms"),
    ({"chunking_strategy[threshold]": "0.5"}, "type"),
    ({"chunking_strategy[type]": "server_vad", "chunking_strategy[treshold]": "0.5"}, "threshold"),
]


@pytest.mark.parametrize(("given", "hint"), REFUSED)
def test_what_cannot_be_honoured_is_refused_with_its_reason(given: dict[str, str | list[str]], hint: str) -> None:
    """The message says what would do, and `param` which field it was."""
    error = refusal(**given)
    assert hint in error.message
    assert error.field is not None
    assert error.field.partition("[")[0] in {name.partition("[")[0] for name in given}


def test_server_vad_comes_as_json_or_flattened() -> None:
    """Users of curl write JSON; OpenAI's SDKs write one field for each member. Defaults are OpenAI's."""
    whole = read(chunking_strategy='{"type": "server_vad", "threshold": 0.6, "silence_duration_ms": 700}')
    flat = read(
        **{
            "chunking_strategy[type]": "server_vad",
            "chunking_strategy[threshold]": "0.6",
            "chunking_strategy[silence_duration_ms]": "700",
        }
    )
    assert whole.vad == flat.vad == ServerVad(threshold=0.6, silence_s=0.7, prefix_padding_s=0.3)
    ask = ask_of(whole, SERVED)
    assert ask.speech is not None
    assert (ask.cut.splits_at_pauses, ask.speech.threshold, ask.speech.min_silence_s) == (True, 0.6, 0.7)
    assert read(chunking_strategy='{"type": "server_vad"}').vad == ServerVad()


def test_prompt_context_and_hot_words_become_one_context() -> None:
    """They mean the same to the model; the order is that of the names."""
    request = read(
        **{"prompt": "A meeting.", "context": "With Ann.", "keywords[]": ["Qwen"], "hotwords": "Harken,Qwen"}
    )
    assert ask_of(request, SERVED).options.context == "A meeting.\nWith Ann.\nQwen, Harken"
    assert request.context_field == "prompt"
    assert read(hotwords="x").context_field == "hotwords"


def test_too_many_hot_words_are_refused() -> None:
    """A bound that a client can read of, instead of a model that drowns."""
    assert refusal(**{"keywords[]": [f"w{n}" for n in range(1001)]}).field == "keywords"


def test_languages_of_one_is_language() -> None:
    """What can be honoured of OpenAI's list is honoured."""
    assert ask_of(read(**{"languages[]": "zh"}), SERVED).options.language == "Chinese"
    assert ask_of(read(language="en", **{"languages[]": "en"}), SERVED).options.language == "English"


def test_what_only_the_model_can_judge_is_judged_against_it() -> None:
    """Its name, and its languages, which the message lists."""
    with pytest.raises(ModelNotFound):
        ask_of(read(model="gpt-4o-transcribe"), SERVED)
    with pytest.raises(UnknownLanguage, match=r"English \(en\), Chinese \(zh\)"):
        ask_of(read(language="Klingon"), SERVED)


def test_word_times_need_an_aligner_that_knows_the_language() -> None:
    """Else a clear refusal before any work."""
    wanted = read(**{"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]})
    assert wanted.granularities == {Granularity.WORD, Granularity.SEGMENT}
    assert ask_of(wanted, TIMED).options.wants_words
    with pytest.raises(NoWordTimes, match="no aligner is loaded"):
        ask_of(wanted, SERVED)
    with pytest.raises(NoWordTimes, match="does not know Chinese"):
        ask_of(dataclasses.replace(wanted, language="zh"), TIMED)


def test_subtitles_have_word_times_where_there_are_any() -> None:
    """Better cues for nothing; and no refusal where they cannot be had, unless words were asked for by name."""
    for form in ("srt", "vtt"):
        assert ask_of(read(response_format=form), TIMED).options.wants_words
        assert not ask_of(read(response_format=form), SERVED).options.wants_words
        assert not ask_of(read(response_format=form, language="zh"), TIMED).options.wants_words
        with pytest.raises(NoWordTimes):
            ask_of(read(**{"response_format": form, "timestamp_granularities[]": "word"}), SERVED)


def test_log_probabilities_are_made_only_where_they_are_shown() -> None:
    """They cost time; `verbose_json` shows their mean."""
    shown = {form: ask_of(read(response_format=form), SERVED).options.wants_logprobs for form in Form}
    assert shown == {form: form is Form.VERBOSE_JSON for form in Form}
    asked = read(**{"include[]": "logprobs"})
    assert asked.has_logprobs
    assert ask_of(asked, SERVED).options.wants_logprobs


@pytest.mark.parametrize(
    ("given", "field", "wish"),
    [
        ({"prompt": "Names."}, "prompt", Wish.CONTEXT),
        ({"keywords": ["Harken"]}, "keywords", Wish.CONTEXT),
        ({"temperature": "0.2"}, "temperature", Wish.TEMPERATURE),
        ({"include[]": "logprobs"}, "include", Wish.LOGPROBS),
    ],
)
def test_what_the_model_lacks_is_refused_with_its_field(given: dict[str, Any], field: str, wish: Wish) -> None:
    """A model that only lacks other things takes it; verbose_json is answered without a mean of log-probabilities."""
    lacking = dataclasses.replace(SERVED, lacks=(wish,))
    with pytest.raises(UnsupportedOption, match=SERVED.name) as caught:
        ask_of(read(**given), lacking)
    assert caught.value.field == field
    ask_of(read(**given), dataclasses.replace(SERVED, lacks=tuple(set(Wish) - {wish})))
    ask_of(read(prompt=" ", temperature="0"), lacking)
    verbose = ask_of(read(response_format="verbose_json"), lacking)
    assert verbose.options.wants_logprobs == (wish is not Wish.LOGPROBS)


def test_a_field_given_twice_is_refused() -> None:
    """Except lists."""
    with pytest.raises(ClientError, match="twice"):
        read(language=["en", "zh"])
