"""What gateway and instance say to each other: one segment in, messages out.

A segment travels as one HTTP request: `POST /wire/v5/recognize`, whose body is a 4-byte little-endian length, a JSON
header of that length, and the samples as raw little-endian float32 (exact: a 16-bit copy would change what the model
hears, and with it rule 6). The answer is a stream of JSON lines, each one message, ended by exactly one `Done` or
`Failed`; a stream that ends without either means that the instance died. A line `Beat` is sent while the segment waits
or runs: silence on the line is a sign of a stuck process, beats without progress one of a stuck engine.
`POST /wire/v5/prove` has an empty body and an answer of the same kind: the instance recognises its canary, the
recording whose text it knows, and ends with `Done` only if it heard that. Pure: bytes in, dataclasses out. Invariant:
whatever the bytes, what is read has the types that are declared and can be packed again, or a `WireError` is raised.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from dataclasses import dataclass
from functools import partial
from typing import Any, assert_never

import numpy as np

from harken import wire_fields as read
from harken.errors import (
    CanaryFailed,
    ClientError,
    Draining,
    EngineFailed,
    HarkenError,
    InstanceFailed,
    NoReadyInstance,
    NoWordTimes,
    QueueFull,
    UndecodableAudio,
    UnknownLanguage,
    UnsupportedOption,
)
from harken.trace import read_traceparent
from harken.types import SAMPLE_RATE, Figures, ModelInfo, Options, Requester, Segment, Transcript

VERSION = 5
"""Raised when a message changes its meaning; both sides refuse another version by name."""

RECOGNIZE_PATH = "/wire/v5/recognize"
PROVE_PATH = "/wire/v5/prove"
STATE_PATH = "/wire/v5/state"
SEGMENT_TYPE = "application/x-harken-segment"
MESSAGES_TYPE = "application/x-ndjson"
GATEWAY_HEADER = "x-harken-gateway"
"""By this a gateway is known as the same in all its requests: a name that it drew at random when it began."""

_HEADER_BYTES_MAX = 1 << 20
_RETRY_AFTER_MAX_S = 3600
_CROWD_MAX = 1_000_000
_SAID_MAX = 300
"""Characters of an instance's own words that go to the log."""

_ENDS: tuple[type[HarkenError], ...] = (EngineFailed, QueueFull, Draining, NoReadyInstance)
_CLIENTS_ENDS: tuple[type[HarkenError], ...] = (UnknownLanguage, UnsupportedOption, NoWordTimes, UndecodableAudio)
_SEGMENT_ENDS: dict[str, type[HarkenError]] = {kind.code: kind for kind in _ENDS + _CLIENTS_ENDS}
_PROOF_ENDS: dict[str, type[HarkenError]] = {kind.code: kind for kind in _ENDS} | {CanaryFailed.code: CanaryFailed}
"""The failures that a segment, and a proof, may end with on an instance that is well made."""


class WireError(ClientError):
    """The bytes are not a message of this protocol version."""

    code = "wire_error"
    default = "Not a message of Harken's wire protocol."


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A segment on its way to an instance, with its options."""

    segment: Segment
    options: Options
    wants_deltas: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Delta:
    """The next piece of text."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Crowd:
    """Who else there is, told to one gateway: it sees only what it sent itself.

    Attributes:
        others: segments on the instance that came from elsewhere.
        gateways: how many gateways have spoken to it lately, this one included; 1 where it is alone, or unknown.
    """

    others: int = 0
    gateways: int = 1


ALONE = Crowd()
"""Nobody else, as far as anybody said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """Still alive; nothing new to read.

    Attributes:
        crowd: who else there is.
        progress: 0 while the segment waits for its turn; afterwards a number that differs from the last beat's whenever
            the segment has moved on in between.
    """

    progress: int = 0
    crowd: Crowd = ALONE


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """The end: recognised."""

    transcript: Transcript
    crowd: Crowd = ALONE


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """The end: failed, with a stable code."""

    code: str
    message: str
    retry_after_s: int | None = None
    crowd: Crowd = ALONE

    def error(self, *, is_proof: bool = False) -> HarkenError:
        """The same failure as an exception on this side of the wire.

        Believed is only what such work may end with. Every other code (a defect, a route that is not there, a job that
        could not be read, a segment that is too long: we cut it) is the other side's fault or ours, never the client's,
        and may go well elsewhere: `InstanceFailed`, with the instance's own words as its cause, for the log alone.

        Args:
            is_proof: an instance's canary failed, not a segment.
        """
        kind = (_PROOF_ENDS if is_proof else _SEGMENT_ENDS).get(self.code)
        if kind is not None:
            return kind(self.message, retry_after_s=self.retry_after_s)
        error = InstanceFailed("The instance failed in a way that no segment should end.")
        error.__cause__ = HarkenError(f"{self.code}: {self.message}"[:_SAID_MAX])
        return error


Message = Delta | Beat | Done | Failed


@dataclass(frozen=True, kw_only=True, slots=True)
class InstanceState:
    """An instance's answer to "how are you?".

    Attributes:
        name: of the instance.
        state: a state of its lifecycle (`starting`, `warming`, `ready`, `draining`, …).
        model: what it serves; None until it is loaded.
        in_flight: segments that it holds now, waiting ones included.
        detail: one sentence where something is wrong.
        uptime_s: seconds since its process began.
        loop_lag_s: by how much its event loop was late at worst in the last seconds.
        full_s: seconds for which it wants nothing, as far as it said so; of a `full` one.
        figures: what it counts of itself; None where it does not.
        crowd: who else there is, for whoever asked.
    """

    name: str
    state: str
    model: ModelInfo | None
    in_flight: int
    detail: str = ""
    uptime_s: float = 0.0
    loop_lag_s: float = 0.0
    full_s: float = 0.0
    figures: Figures | None = None
    crowd: Crowd = ALONE


def pack_job(job: Job) -> bytes:
    """Write a segment and its options as one body."""
    header: dict[str, Any] = {
        "version": VERSION,
        "request_id": job.segment.request_id,
        "index": job.segment.index,
        "start": job.segment.start,
        "samples": len(job.segment.samples),
        "sample_rate": SAMPLE_RATE,
        "options": dataclasses.asdict(job.options),
        "wants_deltas": job.wants_deltas,
        "class": job.segment.requester.priority.value,
    }
    if job.segment.requester.trace is not None:
        header["trace"] = job.segment.requester.trace.header
    raw = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    samples = np.ascontiguousarray(job.segment.samples, dtype="<f4")
    return b"".join((struct.pack("<I", len(raw)), raw, samples.data))


def unpack_job(body: bytes) -> Job:
    """Read what `pack_job` wrote.

    Raises:
        WireError: other bytes, another version, or a length that does not fit.
    """
    header, samples = _split(body)
    _check_version(header)
    try:
        count = read.whole(header["samples"])
        segment = Segment(
            samples=np.frombuffer(samples, dtype="<f4").astype(np.float32, copy=False),
            request_id=read.text(header["request_id"]),
            index=read.whole(header["index"]),
            start=read.whole(header["start"]),
            requester=Requester(
                priority=read.priority(header["class"]),
                trace=read_traceparent(read.text(header.get("trace", ""))),
            ),
        )
        options = read.options(header["options"])
        job = Job(segment=segment, options=options, wants_deltas=read.flag(header["wants_deltas"]))
    except (KeyError, ValueError) as error:
        raise WireError(f"A field of the segment's header is missing or wrong: {_reason(error)}.") from error
    if len(segment.samples) != count:
        raise WireError(f"The header promises {count} samples, the body holds {len(segment.samples)}.")
    if header.get("sample_rate") != SAMPLE_RATE:
        raise WireError(f"Segments have {SAMPLE_RATE} samples per second, and no other rate.")
    return job


def pack_message(message: Message) -> bytes:
    """Write one message as a JSON line."""
    match message:
        case Delta(text=text):
            fields: dict[str, Any] = {"type": "delta", "text": text}
        case Beat(progress=progress):
            fields = {"type": "beat", "progress": progress}
        case Done(transcript=transcript):
            fields = {"type": "done", "transcript": dataclasses.asdict(transcript)}
        case Failed(code=code, message=text, retry_after_s=retry_after_s):
            fields = {"type": "failed", "code": code, "message": text, "retry_after_s": retry_after_s}
        case _:
            assert_never(message)
    if not isinstance(message, Delta) and message.crowd != ALONE:
        fields["crowd"] = [message.crowd.others, message.crowd.gateways]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def unpack_message(line: bytes) -> Message:
    """Read one JSON line.

    Raises:
        WireError: it is no message.
    """
    try:
        fields = read.read_object(line)
        match fields["type"]:
            case "delta":
                return Delta(text=read.text(fields["text"]))
            case "beat":
                return Beat(progress=read.whole(fields["progress"]), crowd=_crowd(fields))
            case "done":
                return Done(transcript=read.transcript(fields["transcript"]), crowd=_crowd(fields))
            case "failed":
                wait_s = fields.get("retry_after_s")
                return Failed(
                    code=read.text(fields["code"]),
                    message=read.text(fields["message"]),
                    retry_after_s=None if wait_s is None else read.whole(wait_s, most=_RETRY_AFTER_MAX_S),
                    crowd=_crowd(fields),
                )
            case _:
                raise WireError(f"Unknown message type: {line[:200]!r}.")
    except (KeyError, ValueError) as error:
        raise WireError(f"Not a message ({_reason(error)}): {line[:200]!r}.") from error


def pack_state(state: InstanceState) -> bytes:
    """Write an instance's state as JSON."""
    fields = {"version": VERSION, **dataclasses.asdict(state), "crowd": [state.crowd.others, state.crowd.gateways]}
    return json.dumps(fields, ensure_ascii=False).encode()


def unpack_state(body: bytes) -> InstanceState:
    """Read what `pack_state` wrote.

    Raises:
        WireError: other bytes or another version.
    """
    try:
        fields = read.read_object(body)
        _check_version(fields)
        del fields["version"]
        return _state(read.fields_of(fields, InstanceState))
    except (KeyError, ValueError) as error:
        raise WireError(f"Not an instance's state ({_reason(error)}): {body[:200]!r}.") from error


def _state(fields: dict[str, Any]) -> InstanceState:
    return InstanceState(
        name=read.text(fields["name"]),
        state=read.text(fields["state"]),
        model=read.optional(read.model, fields["model"]),
        in_flight=read.whole(fields["in_flight"]),
        detail=read.text(fields.get("detail", "")),
        uptime_s=read.number(fields.get("uptime_s", 0.0)),
        loop_lag_s=read.number(fields.get("loop_lag_s", 0.0)),
        full_s=read.number(fields.get("full_s", 0.0)),
        figures=read.optional(read.figures, fields.get("figures")),
        crowd=_crowd(fields),
    )


def _crowd(fields: dict[str, Any]) -> Crowd:
    if "crowd" not in fields:
        return ALONE
    told = read.listed(partial(read.whole, most=_CROWD_MAX), fields["crowd"])
    if len(told) != 2 or not told[1]:
        raise ValueError("A crowd is two numbers")
    return Crowd(others=told[0], gateways=told[1])


def _split(body: bytes) -> tuple[dict[str, Any], bytes]:
    if len(body) < 4:
        raise WireError("The body is shorter than its length field.")
    (size,) = struct.unpack_from("<I", body)
    if size > min(_HEADER_BYTES_MAX, len(body) - 4):
        raise WireError("The header is longer than the body.")
    try:
        header = read.read_object(body[4 : 4 + size])
    except ValueError as error:
        raise WireError(f"The header is not a JSON object: {_reason(error)}.") from error
    samples = body[4 + size :]
    if len(samples) % 4:
        raise WireError("The body is not a header and float32 samples.")
    return header, samples


def _check_version(fields: dict[str, Any]) -> None:
    version = fields.get("version")
    if version != VERSION:
        told = str(version)[:20] if isinstance(version, int) else "none that has a number"
        raise WireError(f"This side speaks wire version {VERSION}, the other {told}.")


def _reason(error: KeyError | ValueError) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
