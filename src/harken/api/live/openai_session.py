"""The session object of OpenAI's realtime API: what a client may set, and what is in force. Pure.

Owns both of OpenAI's shapes, today's (`audio.input…`) and the beta's (`input_audio_…`). An update names what it changes
and leaves the rest. The invariant: a field is honoured, or the whole update is refused with that field's path; what is
told back is what is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harken.api.live.openai_events import Form
from harken.api.live.openai_turns import read_turns, shown_turns
from harken.api.live.outbox import Members
from harken.api.live.wishes import Extras, options_for, refuse_unknown
from harken.api.served import check_model
from harken.audio.pcm import Encoding
from harken.errors import HarkenError, UnsupportedOption
from harken.live.settings import LiveSettings, TurnRule
from harken.types import ModelInfo

_TODAY = {"audio/pcm": Encoding.PCM16, "audio/pcmu": Encoding.ULAW, "audio/pcma": Encoding.ALAW}
_NAMES = {encoding: name for name, encoding in _TODAY.items()}
_LOGPROBS = "item.input_audio_transcription.logprobs"
_RATE = 24_000
"""OpenAI's; G.711 has 8,000."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is in force.

    Attributes:
        encoding: of the audio.
        rate: samples per second.
        model: as the client named it; "" for whatever is served.
        language: as the client wrote it; "" to detect it.
        prompt: names and terms beforehand.
        keywords: more of them.
        turns: how turns are found; None where the client commits.
        has_logprobs: texts bring the log-probabilities of their tokens.
    """

    encoding: Encoding = Encoding.PCM16
    rate: int = _RATE
    model: str = ""
    language: str = ""
    prompt: str = ""
    keywords: tuple[str, ...] = ()
    turns: TurnRule | None = field(default_factory=TurnRule)
    has_logprobs: bool = False

    def settings(self, served: ModelInfo, where: str) -> LiveSettings:
        """The same in the session's words.

        Args:
            served: the model.
            where: what stands before the names of the transcription's fields, for errors.

        Raises:
            HarkenError: the model is another, or cannot do that.
        """
        try:
            check_model(self.model, served)
        except HarkenError as error:
            error.field = f"{where}model"
            raise
        options = options_for(
            served,
            language=self.language,
            prompt=self.prompt,
            keywords=self.keywords,
            where=where,
            extras=Extras(logprobs="session.include" if self.has_logprobs else ""),
        )
        return LiveSettings(options=options, turns=self.turns)


def where_of(form: Form) -> str:
    """What stands before the names of the transcription's fields."""
    return "session.audio.input.transcription." if form is Form.TODAY else "session.input_audio_transcription."


def updated(form: Form, session: object, before: Wanted) -> Wanted:
    """Read a client's update of its session.

    Raises:
        UnsupportedOption: a field that does not exist, or cannot be honoured; `field` is its path.
    """
    members = _object(session, "session")
    return _updated_today(members, before) if form is Form.TODAY else _updated_beta(members, before)


def shown(form: Form, session: str, wanted: Wanted, served: ModelInfo) -> Members:
    """The session as it is told to the client."""
    transcription: Members = {
        "model": wanted.model or served.name,
        "language": wanted.language or None,
        "prompt": wanted.prompt,
    }
    turns, include = shown_turns(wanted.turns), [_LOGPROBS] if wanted.has_logprobs else None
    if form is Form.BETA:
        return {
            "id": session,
            "object": "realtime.transcription_session",
            "input_audio_format": wanted.encoding.value,
            "input_audio_transcription": transcription,
            "turn_detection": turns,
            "input_audio_noise_reduction": None,
            "include": include,
        }
    if wanted.keywords:
        transcription["keywords"] = list(wanted.keywords)
    sound: Members = {"type": _NAMES[wanted.encoding]}
    if wanted.encoding is Encoding.PCM16:
        sound["rate"] = wanted.rate
    heard = {"format": sound, "transcription": transcription, "noise_reduction": None, "turn_detection": turns}
    return {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": session,
        "include": include,
        "audio": {"input": heard},
    }


def _updated_today(members: Mapping[str, object], before: Wanted) -> Wanted:
    refuse_unknown(members, ("type", "audio", "include"), "session.")
    if members.get("type", "transcription") != "transcription":
        raise _refused("session.type", "only transcription sessions are offered.")
    before = _with_include(members, before)
    audio = _part(members, "audio", "session.audio")
    refuse_unknown(audio, ("input",), "session.audio.")
    heard, where = _part(audio, "input", "session.audio.input"), "session.audio.input."
    refuse_unknown(heard, ("format", "noise_reduction", "transcription", "turn_detection"), where)
    _refuse_noise_reduction(heard, "noise_reduction", where)
    wanted = before
    if heard.get("format") is not None:
        wanted = _with_format(heard["format"], f"{where}format", wanted)
    if "transcription" in heard:
        wanted = _with_transcription(heard["transcription"], f"{where}transcription", wanted)
    if "turn_detection" in heard:
        wanted = replace(wanted, turns=read_turns(heard["turn_detection"], f"{where}turn_detection", wanted.turns))
    return wanted


_BETA = (
    "include",
    "input_audio_format",
    "input_audio_noise_reduction",
    "input_audio_transcription",
    "modalities",
    "turn_detection",
)


def _updated_beta(members: Mapping[str, object], before: Wanted) -> Wanted:
    refuse_unknown(members, _BETA, "session.")
    before = _with_include(members, before)
    _refuse_noise_reduction(members, "input_audio_noise_reduction", "session.")
    if members.get("modalities") not in (None, ["text"], ["text", "audio"], ["audio", "text"]):
        raise _refused("session.modalities", 'it must be ["text"] or left out.')
    wanted = before
    name = members.get("input_audio_format")
    if name is not None:
        if not isinstance(name, str) or name not in list(Encoding):
            raise _refused("session.input_audio_format", f"it must be one of {', '.join(Encoding)}.")
        encoding = Encoding(name)
        wanted = replace(wanted, encoding=encoding, rate=_RATE if encoding is Encoding.PCM16 else 8_000)
    if "input_audio_transcription" in members:
        wanted = _with_transcription(members["input_audio_transcription"], "session.input_audio_transcription", wanted)
    if "turn_detection" in members:
        wanted = replace(wanted, turns=read_turns(members["turn_detection"], "session.turn_detection", wanted.turns))
    return wanted


def _with_format(given: object, where: str, before: Wanted) -> Wanted:
    members = _object(given, where)
    refuse_unknown(members, ("type", "rate"), f"{where}.")
    kind, rate = members.get("type", _NAMES[before.encoding]), members.get("rate")
    if not isinstance(kind, str) or kind not in _TODAY:
        raise _refused(f"{where}.type", f"it must be one of {', '.join(_TODAY)}.")
    encoding = _TODAY[kind]
    usual = before.rate if encoding is before.encoding else _RATE if encoding is Encoding.PCM16 else 8_000
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int) or rate <= 0):
        raise _refused(f"{where}.rate", "it must be a whole number of Hz.")
    return replace(before, encoding=encoding, rate=usual if rate is None else rate)


def _with_transcription(given: object, where: str, before: Wanted) -> Wanted:
    if given is None:
        raise _refused(where, "this session does nothing but transcribe.")
    members = _object(given, where)
    refuse_unknown(members, ("model", "language", "languages", "prompt", "keywords", "delay"), f"{where}.")
    if members.get("delay") is not None:
        raise _refused(f"{where}.delay", "live.hold_s of the server says how long text is held.")
    several = _texts(members.get("languages"), f"{where}.languages")
    was = "" if "languages" in members else before.language  # an empty list takes it away
    language = _text(members, "language", f"{where}.language", was)
    is_other = bool(several and members.get("language")) and several[0].casefold() != language.casefold()
    if len(several) > 1 or is_other:
        raise _refused(f"{where}.languages", "the model is told one language, or finds it among all that it knows.")
    keywords = _texts(members["keywords"], f"{where}.keywords") if "keywords" in members else before.keywords
    return replace(
        before,
        model=_text(members, "model", f"{where}.model", before.model),
        language=several[0] if several else language,
        prompt=_text(members, "prompt", f"{where}.prompt", before.prompt),
        keywords=keywords,
    )


def _text(members: Mapping[str, object], name: str, where: str, before: str) -> str:
    """What is not there stays; null takes it away."""
    value = members.get(name, before)
    if value is not None and not isinstance(value, str):
        raise _refused(where, "it must be text.")
    return value or ""


def _texts(value: object, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _refused(where, "it must be a list of texts.")
    return tuple(value)


def _part(members: Mapping[str, object], name: str, where: str) -> Mapping[str, object]:
    """A part that may be left out or null."""
    value = members.get(name)
    return {} if value is None else _object(value, where)


def _object(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _refused(where, "it must be an object.")
    return value


def _with_include(members: Mapping[str, object], before: Wanted) -> Wanted:
    if "include" not in members:
        return before
    wanted = _texts(members["include"], "session.include")
    if any(one != _LOGPROBS for one in wanted):
        raise _refused("session.include", f"it may hold {_LOGPROBS} and nothing else.")
    return replace(before, has_logprobs=bool(wanted))


def _refuse_noise_reduction(members: Mapping[str, object], name: str, where: str) -> None:
    if members.get(name) is not None:
        raise _refused(f"{where}{name}", "there is none; leave it out or send null.")


def _refused(where: str, why: str) -> UnsupportedOption:
    return UnsupportedOption(f"This {where} is not supported: {why}", field=where)
