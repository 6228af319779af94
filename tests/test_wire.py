"""The wire: what one side packs, the other unpacks; anything else is refused by name."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import struct
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.errors import CanaryFailed, ClientError, InstanceFailed, QueueFull, leaves
from harken.trace import new_trace
from harken.types import (
    AlignerInfo,
    Figures,
    Finish,
    ModelInfo,
    Options,
    Priority,
    Requester,
    Segment,
    TokenLogprob,
    Transcript,
    Word,
)
from harken.wire import (
    VERSION,
    Beat,
    Crowd,
    Delta,
    Done,
    Failed,
    InstanceState,
    Job,
    Message,
    WireError,
    pack_job,
    pack_message,
    pack_state,
    unpack_job,
    unpack_message,
    unpack_state,
)

INFO = ModelInfo(name="m", revision="r", max_segment_s=30.0, languages=("English", "Chinese"), slots=8)
STATE = InstanceState(
    name="asr-1",
    state="ready",
    model=dataclasses.replace(INFO, aligner=AlignerInfo(name="a", revision="r", languages=("English",))),
    in_flight=3,
    detail="d",
    uptime_s=1.0,
    loop_lag_s=0.25,
)
DONE = Done(
    transcript=Transcript(
        text="三一四",
        language="Chinese",
        audio_s=1.5,
        tokens=9,
        finish=Finish.LENGTH,
        instance="asr-1",
        words=(Word(text="三", start_s=0.0, end_s=0.5), Word(text="一", start_s=0.5, end_s=0.75)),
        logprobs=(TokenLogprob(token="三", logprob=-0.5, bytes=(228, 184, 137)),),
        avg_logprob=-0.5,
        no_speech_prob=0.25,
        is_cached=False,
    )
)
MESSAGES: tuple[Message, ...] = (
    Delta(text="三 one\n"),
    Beat(),
    Beat(progress=17),
    Beat(progress=17, crowd=Crowd(others=3, gateways=2)),
    DONE,
    dataclasses.replace(DONE, crowd=Crowd(others=1, gateways=1)),
    Failed(code="queue_full", message="Full.", retry_after_s=3),
    Failed(code="engine_failed", message="It raised.", crowd=Crowd(others=0, gateways=4)),
)
JOB = Job(
    segment=Segment(samples=np.zeros(4, np.float32), request_id="req_1", index=2, start=16_000),
    options=Options(language="English", context="names", temperature=0.5, wants_words=True, prefix="one two"),
    wants_deltas=True,
)


@given(
    samples=st.lists(st.floats(-1, 1, width=32), max_size=50),
    context=st.text(max_size=50),
    prefix=st.text(max_size=50),
    language=st.sampled_from([None, "English"]),
    index=st.integers(0, 1000),
    start=st.integers(0, 10**9),
    wants_deltas=st.booleans(),
)
def test_a_job_survives_the_wire_to_the_bit(
    samples: list[float],
    context: str,
    prefix: str,
    language: str | None,
    index: int,
    start: int,
    wants_deltas: bool,
) -> None:
    """What the instance hears is what the gateway cut."""
    options = Options(language=language, context=context, prefix=prefix)
    segment = Segment(samples=np.array(samples, np.float32), request_id="req_1", index=index, start=start)
    job = unpack_job(pack_job(Job(segment=segment, options=options, wants_deltas=wants_deltas)))
    assert job.segment.samples.tobytes() == segment.samples.tobytes()
    assert (job.segment.id, job.segment.start) == (segment.id, start)
    assert (job.options, job.wants_deltas) == (options, wants_deltas)


def test_a_jobs_class_and_its_trace_survive_the_wire() -> None:
    """The instance's spans are beneath the try's; whose key it is stays with the gateway."""
    trace = new_trace()
    requester = Requester(key="key_1", priority=Priority.BATCH, deadline=5.0, trace=trace)
    job = dataclasses.replace(JOB, segment=dataclasses.replace(JOB.segment, requester=requester))
    heard = unpack_job(pack_job(job)).segment.requester
    assert heard.trace == trace
    assert (heard.priority, heard.key, heard.deadline) == (Priority.BATCH, "", None)
    assert b'"trace"' not in pack_job(JOB)


def test_an_instances_figures_survive_the_wire() -> None:
    """An instance that has none tells none."""
    crowd = Crowd(others=2, gateways=3)
    figures = Figures(device="cuda:0", memory_bytes=3, gpu_memory_bytes=4, waiting=1, busy_s=2.5, audio_s=9.0, tokens=7)
    state = InstanceState(name="asr-1", state="ready", model=None, in_flight=0, figures=figures, crowd=crowd)
    assert unpack_state(pack_state(state)) == state
    plain = dataclasses.replace(state, figures=None)
    assert unpack_state(pack_state(plain)) == plain
    with pytest.raises(WireError):
        unpack_state(pack_state(state).replace(b'"tokens": 7', b'"tokens": -7'))


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_survives_the_wire_as_one_segment_body(message: Message) -> None:
    """Line breaks inside a text never split a message."""
    line = pack_message(message)
    assert line.count(b"\n") == 1
    assert unpack_message(line) == message


def test_a_state_survives_the_wire() -> None:
    """With and without a loaded model."""
    for state in (STATE, dataclasses.replace(STATE, model=None), dataclasses.replace(STATE, model=INFO)):
        assert unpack_state(pack_state(state)) == state


# --- failures -----------------------------------------------------------------------------------------------------


BELIEVED = {
    "engine_failed", "queue_full", "draining", "no_ready_instance", "unknown_language", "unsupported_option",
    "no_word_times", "undecodable_audio",
}  # fmt: skip


@pytest.mark.parametrize("code", sorted(BELIEVED))
def test_an_end_that_a_segment_may_have_is_the_same_error_on_the_other_side(code: str) -> None:
    """Codes are stable across the wire, and the words and the time come with them."""
    error = Failed(code=code, message="Why.", retry_after_s=3).error()
    assert (type(error), error.message, error.retry_after_s) == (leaves()[code], "Why.", 3)


@pytest.mark.parametrize("code", ["from_the_future", "", *sorted(leaves().keys() - BELIEVED)])
def test_every_other_end_is_the_instances_fault_and_worth_a_try_elsewhere(code: str) -> None:
    """Its own words are for the log: clients get ours."""
    error = Failed(code=code, message="secret http://10.0.0.1 " * 100, retry_after_s=3).error()
    assert (type(error), error.retryable, error.retry_after_s) == (InstanceFailed, True, None)
    assert "secret" not in error.message
    assert f"{code}: secret http://10.0.0.1" in str(error.__cause__)
    assert len(str(error.__cause__)) <= 300


def test_a_canary_that_is_not_recognised_ends_a_proof_alone() -> None:
    """And nothing that a client could mend ends one: nobody else's wishes are in it."""
    failed = Failed(code="canary_failed", message="It heard 'x'.")
    assert isinstance(failed.error(), InstanceFailed)
    assert isinstance(failed.error(is_proof=True), CanaryFailed)
    assert isinstance(Failed(code="queue_full", message="Full.").error(is_proof=True), QueueFull)
    for code, kind in leaves().items():
        if issubclass(kind, ClientError):
            assert isinstance(Failed(code=code, message="m").error(is_proof=True), InstanceFailed)


# --- what is no message -------------------------------------------------------------------------------------------


def _body(header: object, samples: bytes = b"") -> bytes:
    raw = json.dumps(header).encode()
    return struct.pack("<I", len(raw)) + raw + samples


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"\xff\xff\xff\xff{}",
        struct.pack("<I", 2) + b"[]",
        struct.pack("<I", 3) + b"{a}",
        _body({"version": 1}),
        _body({"version": 1}, b"\x00"),
        _body({"request_id": "x"}),
    ],
)
def test_bytes_that_are_no_job_are_refused(body: bytes) -> None:
    """A stranger at the instance's port gets an error, never a crash."""
    with pytest.raises(WireError):
        unpack_job(body)


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[]", b"3", b'{"type":"new"}', b'{"type":"done"}', b'{"type":"done","transcript":{}}', b"\xff"],
)
def test_lines_that_are_no_message_are_refused(line: bytes) -> None:
    """Garbage from an instance is an error with a name."""
    with pytest.raises(WireError):
        unpack_message(line)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"version":9}', b'{"version":1}', b'{"version":1,"model":3}'])
def test_bytes_that_are_no_state_are_refused(body: bytes) -> None:
    """A server that is not ours is not taken for an instance."""
    with pytest.raises(WireError):
        unpack_state(body)


def test_a_length_that_does_not_fit_is_refused() -> None:
    """Half a segment is not a segment."""
    segment = Segment(samples=np.zeros(10, np.float32), request_id="r")
    body = pack_job(Job(segment=segment, options=Options(), wants_deltas=False))
    with pytest.raises(WireError, match="10 samples"):
        unpack_job(body[:-4])


# --- odd values ---------------------------------------------------------------------------------------------------

Path = tuple[str | int, ...]

DEEP: Any = 0
for _ in range(900):
    DEEP = [DEEP]

ODD: tuple[Any, ...] = (
    None, True, False, -1, -0.5, 0, 1.5, 10**30, 10**400, math.nan, math.inf, -math.inf, "", "9", "x", "\ud800", [],
    ["x"], [None], {}, {"x": 1}, [[[{}]]], DEEP,
)  # fmt: skip
"""Each is wrong in most places."""


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _changed(whole: object, path: Path, value: object) -> Any:
    """A copy in which the value at a path is another one."""
    changed = copy.deepcopy(whole)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


def _places(value: object, path: Path = ()) -> Iterator[Path]:
    """The paths of all values inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield (*path, step)
        yield from _places(inner, (*path, step))


def _header_of(job: Job) -> Any:
    body = pack_job(job)
    (size,) = struct.unpack_from("<I", body)
    return json.loads(body[4 : 4 + size])


def _segment_body(value: object) -> bytes:
    return _body(value, JOB.segment.samples.tobytes())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """What is sent as JSON, how that becomes bytes, and what reads and packs it."""

    wholes: tuple[Any, ...]
    write: Callable[[object], bytes]
    unpack: Callable[[bytes], Any]
    pack: Callable[[Any], bytes]


STATES = Kind(wholes=(json.loads(pack_state(STATE)),), write=_json, unpack=unpack_state, pack=pack_state)
LINES = Kind(
    wholes=tuple(json.loads(pack_message(message)) for message in MESSAGES),
    write=_json,
    unpack=unpack_message,
    pack=pack_message,
)
JOBS = Kind(wholes=(_header_of(JOB),), write=_segment_body, unpack=unpack_job, pack=pack_job)
KINDS = pytest.mark.parametrize("kind", [STATES, LINES, JOBS], ids=["state", "message", "job"])


def _check(value: object, hint: Any) -> None:
    """Raise unless a value is of its declared type, through and through, and its numbers are finite."""
    if isinstance(hint, UnionType):
        fitting = [one for one in get_args(hint) if type(value) is (get_origin(one) or one)]
        assert fitting, (value, hint)
        _check(value, fitting[0])
    elif get_origin(hint) is tuple:
        assert type(value) is tuple
        for one in value:
            _check(one, get_args(hint)[0])
    elif dataclasses.is_dataclass(hint) and hint is not Segment:
        assert type(value) is hint
        for name, inner in get_type_hints(hint).items():
            _check(getattr(value, name), inner)
    elif hint is not Segment:
        assert type(value) is hint, (value, hint)
        assert hint is not float or math.isfinite(value)  # type: ignore[arg-type]


def _read(kind: Kind, body: bytes) -> None:
    """Read bytes: they are refused by name, or what they say is of the declared types and can be sent on."""
    try:
        found = kind.unpack(body)
    except WireError as error:
        refusal = error.message
    else:
        return _check_read(found, kind)
    assert len(refusal.encode()) < 2_000
    return None


def _check_read(found: Any, kind: Kind) -> None:
    _check(found, type(found))
    again = kind.unpack(kind.pack(found))
    if isinstance(found, Job):
        assert again.segment.samples.tobytes() == found.segment.samples.tobytes()
        assert (again.segment.id, again.segment.start) == (found.segment.id, found.segment.start)
        assert (again.options, again.wants_deltas) == (found.options, found.wants_deltas)
    else:
        assert again == found


@KINDS
def test_an_odd_value_anywhere_is_refused_by_name_or_harmless(kind: Kind) -> None:
    """Each odd value in each place, and beside all others."""
    for whole in kind.wholes:
        for path in [*_places(whole), ("extra",)]:
            for value in ODD:
                _read(kind, kind.write(_changed(whole, path, value)))


@pytest.mark.slow
@KINDS
@given(data=st.data())
def test_any_json_anywhere_is_refused_by_name_or_harmless(kind: Kind, data: st.DataObject) -> None:
    """Whatever the other side says, nothing but a `WireError` comes of it."""
    whole = data.draw(st.sampled_from(kind.wholes))
    atoms = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5)
    values = st.recursive(atoms, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner))
    value = data.draw(values)
    path = data.draw(st.sampled_from(sorted(_places(whole), key=str)))
    _read(kind, kind.write(value))
    _read(kind, kind.write(_changed(whole, path, value)))


@pytest.mark.slow
@KINDS
@given(data=st.data())
def test_any_bytes_are_refused_by_name_or_harmless(kind: Kind, data: st.DataObject) -> None:
    """On their own, and in the middle of what was right."""
    body, odd = kind.write(data.draw(st.sampled_from(kind.wholes))), data.draw(st.binary(max_size=20))
    at = data.draw(st.integers(0, len(body)))
    _read(kind, odd)
    _read(kind, body[:at] + odd)
    _read(kind, body[:at] + odd + body[at + len(odd) :])


@KINDS
@pytest.mark.parametrize("opening", [b"[", b'{"version":', b'{"type":[', b'{"x":{"y":'])
def test_what_is_nested_without_end_is_refused_by_name(kind: Kind, opening: bytes) -> None:
    """More brackets than any reader goes down."""
    body = opening * 100_000
    _read(kind, body)
    _read(kind, struct.pack("<I", len(body)) + body)


def _says(field: str, value: object) -> Any:
    """A state in which a field of it, or of its model, has another value."""
    return _changed(STATES.wholes[0], tuple(field.split(".")), value)


@pytest.mark.parametrize(
    "said",
    [
        _says("state", ["ready"]),
        _says("name", 7),
        _says("in_flight", True),
        _says("in_flight", -1),
        _says("uptime_s", "x"),
        _says("uptime_s", math.nan),
        _says("loop_lag_s", "x"),
        _says("loop_lag_s", math.inf),
        _says("detail", None),
        _says("surplus", 1),
        _says("model", []),
        _says("model.name", 7),
        _says("model.slots", "9"),
        _says("model.slots", 0),
        _says("model.slots", 1.0),
        _says("model.slots", True),
        _says("model.slots", math.inf),
        _says("model.slots", 10**9),
        _says("model.max_segment_s", 0),
        _says("model.max_segment_s", 0.5),
        _says("model.max_segment_s", "x"),
        _says("model.max_segment_s", 10**400),
        _says("model.pause_s", 0),
        _says("model.pause_s", math.inf),
        _says("model.languages", "English"),
        _says("model.languages", [7]),
        _says("model.batches", 1),
        _says("model.lacks", ["wishes"]),
        _says("model.lacks", "context"),
        _says("model.surplus", 1),
        _says("model.aligner.languages", None),
        _says("model.aligner.surplus", 1),
    ],
    ids=lambda said: _json(said).decode()[-40:],
)
def test_a_state_with_a_wrong_field_is_refused(said: Any) -> None:
    """What a scheduler counts with is a number, and nobody is surprised later."""
    with pytest.raises(WireError):
        unpack_state(_json(said))


def _ends(field: str, value: object) -> Any:
    """A `Done` in whose transcript a field has another value."""
    steps = tuple(int(step) if step.isdecimal() else step for step in field.split("."))
    return _changed(json.loads(pack_message(DONE)), ("transcript", *steps), value)


@pytest.mark.parametrize(
    "said",
    [
        {"type": ["beat"], "progress": 1},
        {"type": "beat", "progress": math.inf},
        {"type": "beat", "progress": -1},
        {"type": "beat", "progress": 1.0},
        {"type": "beat", "progress": True},
        {"type": "beat", "progress": "1"},
        {"type": "beat", "progress": 1, "crowd": 3},
        {"type": "beat", "progress": 1, "crowd": [3]},
        {"type": "beat", "progress": 1, "crowd": [3, 0]},
        {"type": "beat", "progress": 1, "crowd": [-1, 1]},
        {"type": "beat", "progress": 1, "crowd": [1, 1, 1]},
        {"type": "beat", "progress": 1, "crowd": [10**9, 1]},
        {"type": "delta", "text": 5},
        {"type": "delta", "text": "\ud800"},
        {"type": "failed", "code": "queue_full", "message": "m", "retry_after_s": math.inf},
        {"type": "failed", "code": "queue_full", "message": "m", "retry_after_s": -1},
        {"type": "failed", "code": "queue_full", "message": "m", "retry_after_s": 10**9},
        {"type": "failed", "code": ["queue_full"], "message": "m"},
        {"type": "failed", "code": "queue_full", "message": None},
        {"type": "done", "transcript": 5},
        {"type": "done", "transcript": [["text", "x"]]},
        _ends("text", 5),
        _ends("language", None),
        _ends("audio_s", math.nan),
        _ends("audio_s", -1),
        _ends("tokens", 1.5),
        _ends("finish", "sometime"),
        _ends("finish", ["stop"]),
        _ends("instance", {}),
        _ends("words", "word"),
        _ends("words.0", ["word", 0, 1]),
        _ends("words.0.text", 5),
        _ends("words.0.start_s", math.inf),
        _ends("words.0.start_s", -1),
        _ends("words.1.end_s", 0.25),
        _ends("words.0.surplus", 1),
        _ends("logprobs", {"token": "x"}),
        _ends("logprobs.0.logprob", -math.inf),
        _ends("logprobs.0.bytes", "abc"),
        _ends("logprobs.0.bytes.0", 256),
        _ends("logprobs.0.bytes.0", True),
        _ends("avg_logprob", math.nan),
        _ends("no_speech_prob", "0"),
        _ends("is_cached", 1),
        _ends("surplus", 1),
    ],
    ids=lambda said: _json(said).decode()[-40:],
)
def test_a_message_with_a_wrong_field_is_refused(said: Any) -> None:
    """What it says goes into answers and counts, so it is what it should be or nothing."""
    with pytest.raises(WireError):
        unpack_message(_json(said))


def _asks(field: str, value: object) -> bytes:
    return _segment_body(_changed(_header_of(JOB), tuple(field.split(".")), value))


@pytest.mark.parametrize(
    "body",
    [
        _asks("request_id", 7),
        _asks("index", -1),
        _asks("index", 1.0),
        _asks("start", math.inf),
        _asks("samples", "4"),
        _asks("sample_rate", DEEP),
        _asks("version", DEEP),
        _asks("wants_deltas", 1),
        _asks("options", ["language"]),
        _asks("options.language", 7),
        _asks("options.context", None),
        _asks("options.temperature", math.nan),
        _asks("options.temperature", -1),
        _asks("options.repetition_penalty", 0),
        _asks("options.repetition_penalty", 10**400),
        _asks("options.wants_words", "yes"),
        _asks("options.prefix", None),
        _asks("options.prefix", ["one"]),
    ],
)
def test_a_job_with_a_wrong_field_is_refused(body: bytes) -> None:
    """An instance works only on what it understands."""
    with pytest.raises(WireError):
        unpack_job(body)


def test_what_may_be_left_out_or_added_is_as_it_was() -> None:
    """Within one version: what has a default may be missing, and a message, a job and its options may say more."""
    little = {"version": VERSION, "name": "n", "state": "ready", "in_flight": 0}
    model = {"name": "m", "revision": "r", "max_segment_s": 30, "languages": [], "aligner": None}
    assert unpack_state(_json({**little, "model": model})) == InstanceState(
        name="n",
        state="ready",
        model=ModelInfo(name="m", revision="r", max_segment_s=30.0, languages=()),
        in_flight=0,
    )
    least = {"text": "t", "language": "", "audio_s": 1, "finish": "stop", "words": None, "logprobs": None}
    end = unpack_message(_json({"type": "done", "transcript": least, "more": DEEP}))
    assert end == Done(transcript=Transcript(text="t", language="", audio_s=1.0))
    assert unpack_message(_json({"type": "failed", "code": "c", "message": "m"})) == Failed(code="c", message="m")
    assert unpack_job(_asks("more", [1])).options == unpack_job(_asks("options.more", [1])).options == JOB.options
