"""What a transcription may be asked for: OpenAI's fields and ours, read into one frozen object. Pure.

Forms, JSON bodies and jobs share it. The invariant: a field is honoured, or refused by name with the reason; nothing is
ignored. What only the served model can judge (its name, its languages, whether it times words) is judged by `ask_of`,
once the model is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from harken.api.served import can_time_words, check_model, check_word_times
from harken.api.vad import ServerVad, read_chunking
from harken.api.values import Kind, Values, read_values
from harken.audio import SpeechRule, server_vad_rules
from harken.errors import UnsupportedOption
from harken.languages import parse_language
from harken.transcribe.ask import Ask
from harken.transcribe.context import context_of
from harken.transcribe.form import Form
from harken.types import ModelInfo, Options, Wish

Choice = TypeVar("Choice", bound=StrEnum)

KINDS: dict[str, Kind] = {
    "model": Kind.ONE,
    "language": Kind.ONE,
    "languages": Kind.LIST,
    "prompt": Kind.ONE,
    "context": Kind.ONE,
    "keywords": Kind.LIST,
    "hotwords": Kind.LIST,
    "response_format": Kind.ONE,
    "timestamp_granularities": Kind.LIST,
    "include": Kind.LIST,
    "temperature": Kind.ONE,
    "stream": Kind.ONE,
    "chunking_strategy": Kind.OBJECT,
    "known_speaker_names": Kind.LIST,
    "known_speaker_references": Kind.LIST,
}
"""Every field beside the file, and how many values it has."""


class Granularity(StrEnum):
    """What `verbose_json` gives times of."""

    SEGMENT = "segment"
    WORD = "word"


@dataclass(frozen=True, kw_only=True, slots=True)
class TranscriptionRequest:
    """The fields of one request, understood.

    Attributes:
        model: the name that the client used; "" for whatever is served.
        language: as the client spelled it; "" or "auto" to detect it.
        context: prompt, context and keywords in one text for the model.
        context_field: which of those fields was given, for errors about the context.
        temperature: in [0, 1].
        form: the answer's format.
        granularities: what is to have times, in verbose_json and in subtitles; never empty.
        has_logprobs: the answer shows the tokens' log-probabilities.
        is_streamed: the answer is a stream of events.
        vad: cut at pauses by these rules; None leaves it to Harken.
    """

    model: str = ""
    language: str = ""
    context: str = ""
    context_field: str = "prompt"
    temperature: float = 0.0
    form: Form = Form.JSON
    granularities: frozenset[Granularity] = frozenset({Granularity.SEGMENT})
    has_logprobs: bool = False
    is_streamed: bool = False
    vad: ServerVad | None = None


def read_fields(
    given: Mapping[str, Sequence[str]], kinds: Mapping[str, Kind] = KINDS, *, also: Sequence[str] = ("file",)
) -> TranscriptionRequest:
    """Understand the text fields of a form (of a JSON body: `values_of_json` first).

    Args:
        given: name → values as the client sent them; lists and objects in any of their spellings.
        kinds: the fields that the route has; those of `KINDS` that it leaves out are refused as unknown.
        also: names of the route's other fields, for messages.

    Raises:
        UnsupportedOption: a field that does not exist, or a value that cannot be honoured.
        ClientError: a second value for a field of one.
    """
    values = read_values(given, kinds, also=also)
    for name in ("known_speaker_names", "known_speaker_references"):
        if values.several(name):
            raise _refused(values, name, "this model does not tell speakers apart.")
    form = _form(values)
    return TranscriptionRequest(
        model=values.one("model"),
        language=_language(values),
        context=context_of(
            values.one("prompt"), values.one("context"), (*values.several("keywords"), *values.several("hotwords"))
        ),
        context_field=next((name for name in _CONTEXT_FIELDS if values.has(name)), "prompt"),
        temperature=_temperature(values),
        form=form,
        granularities=_granularities(values, form),
        has_logprobs=_has_logprobs(values, form),
        is_streamed=_is_streamed(values, form),
        vad=read_chunking(values),
    )


def ask_of(request: TranscriptionRequest, served: ModelInfo, *, keeps_form: bool = False) -> Ask:
    """Say it in the transcriber's words, for the model that is served.

    Subtitles have the times of words wherever the model can time them: cues then begin and end with speech.

    Args:
        request: of the client.
        served: the model.
        keeps_form: the result is shown in the form that was asked for and in no other, as a job's may be; where that
            form has no times, nobody has to find out when speech begins.

    Raises:
        ModelNotFound: the request names another model.
        UnknownLanguage: the model does not know that language; the message lists those it knows.
        NoWordTimes: word times were asked for, and nothing here can tell them.
        UnsupportedOption: a prompt, a temperature or log-probabilities, and the model cannot do that.
    """
    check_model(request.model, served)
    _refuse_what_it_lacks(request, served)
    language = parse_language(request.language, served.languages)
    options = Options(
        language=language,
        context=request.context,
        temperature=request.temperature,
        wants_words=_wants_words(request, served, language),
        wants_logprobs=_wants_logprobs(request, served),
    )
    if request.vad is None:
        wants_times = not keeps_form or options.wants_words or request.form in _TIMED_FORMS
        speech = SpeechRule(wants_times=wants_times)
        return Ask(options=options, speech=speech, needs_logprobs=request.has_logprobs)
    vad = request.vad
    cut, speech = server_vad_rules(
        threshold=vad.threshold, prefix_padding_s=vad.prefix_padding_s, silence_s=vad.silence_s
    )
    return Ask(options=options, cut=cut, speech=speech, needs_logprobs=request.has_logprobs)


_CONTEXT_FIELDS = ("prompt", "context", "keywords", "hotwords")
_TIMED_FORMS = (Form.VERBOSE_JSON, Form.SRT, Form.VTT)


def _refuse_what_it_lacks(request: TranscriptionRequest, served: ModelInfo) -> None:
    wishes = (
        (Wish.CONTEXT, bool(request.context), request.context_field, "cannot be told anything beforehand"),
        (Wish.TEMPERATURE, request.temperature > 0, "temperature", "has no temperature: it always answers the same"),
        (Wish.LOGPROBS, request.has_logprobs, "include", "does not tell how sure it is of each token"),
    )
    for wish, is_wanted, field, why in wishes:
        if is_wanted and wish in served.lacks:
            raise UnsupportedOption(f"This {field} is not supported: {served.name} {why}.", field=field)


def _wants_logprobs(request: TranscriptionRequest, served: ModelInfo) -> bool:
    """Where they are asked for; in verbose_json, which shows their mean, where they can be had."""
    return request.has_logprobs or (request.form is Form.VERBOSE_JSON and Wish.LOGPROBS not in served.lacks)


def _wants_words(request: TranscriptionRequest, served: ModelInfo, language: str | None) -> bool:
    if Granularity.WORD not in request.granularities:
        return request.form in (Form.SRT, Form.VTT) and can_time_words(served, language)
    check_word_times(served, language, "timestamp_granularities")
    return True


def _form(values: Values) -> Form:
    text = values.one("response_format") or Form.JSON
    if text == "diarized_json":
        raise _refused(values, "response_format", "this model does not tell speakers apart.")
    return _choice(values, "response_format", text, Form)


def _language(values: Values) -> str:
    """`languages` of one is `language`; of several it would be a restriction that the model does not have."""
    one, several = values.one("language"), values.several("languages")
    if len(several) > 1 or (one and several and one != several[0]):
        raise _refused(values, "languages", "the model is told one language, or finds each piece's among all it knows.")
    return one or (several[0] if several else "")


def _temperature(values: Values) -> float:
    text = values.one("temperature") or "0"
    try:
        temperature = float(text)
    except ValueError:
        temperature = math.nan
    if not 0.0 <= temperature <= 1.0:
        raise _refused(values, "temperature", f"it must be a number from 0 to 1, not {text[:40]!r}.")
    return temperature


def _granularities(values: Values, form: Form) -> frozenset[Granularity]:
    name = "timestamp_granularities"
    wanted = {_choice(values, name, text, Granularity) for text in values.several(name)}
    if wanted and form not in _TIMED_FORMS:
        raise _refused(values, name, f"{form} has no times; ask for response_format=verbose_json.")
    return frozenset(wanted or {Granularity.SEGMENT})


def _has_logprobs(values: Values, form: Form) -> bool:
    wanted = values.several("include")
    if any(text != "logprobs" for text in wanted):
        raise _refused(values, "include", "only logprobs can be included.")
    if wanted and form is not Form.JSON:
        raise _refused(values, "include", f"{form} cannot show logprobs; ask for response_format=json.")
    return bool(wanted)


def _is_streamed(values: Values, form: Form) -> bool:
    match values.one("stream").strip().lower():
        case "" | "false" | "0":
            return False
        case "true" | "1":
            if form not in (Form.JSON, Form.TEXT):
                raise _refused(values, "stream", f"{form} cannot be streamed; ask for response_format=json.")
            return True
        case other:
            raise _refused(values, "stream", f"it must be true or false, not {other[:40]!r}.")


def _choice(values: Values, name: str, text: str, kind: type[Choice]) -> Choice:
    try:
        return kind(text)
    except ValueError as error:
        raise _refused(values, name, f"{text[:40]!r} is none of {', '.join(kind)}.") from error


def _refused(values: Values, name: str, why: str) -> UnsupportedOption:
    spelled = values.spelled(name)[:80]
    return UnsupportedOption(f"This {spelled} is not supported: {why}", field=spelled)
