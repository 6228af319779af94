"""What gateway and instance say to each other: one segment in, messages out.

A segment travels as one HTTP request: `POST /wire/v3/recognize`, whose body is a 4-byte little-endian length, a JSON
header of that length, and the samples as raw little-endian float32 (exact: a 16-bit copy would change what the model
hears, and with it rule 6). The answer is a stream of JSON lines, each one message, ended by exactly one `Done` or
`Failed`; a stream that ends without either means that the instance died. A line `Beat` is sent while the segment waits
or runs: silence on the line is a sign of a stuck process, beats without progress one of a stuck engine.
`POST /wire/v3/prove` has an empty body and an answer of the same kind: the instance recognises its canary, the
recording whose text it knows, and ends with `Done` only if it heard that. Pure: bytes in, dataclasses out.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np

from harken.errors import ClientError, HarkenError, InstanceFailed, leaves
from harken.types import (
    SAMPLE_RATE,
    AlignerInfo,
    Finish,
    ModelInfo,
    Options,
    Segment,
    TokenLogprob,
    Transcript,
    Word,
)

VERSION = 3
"""Raised when a message changes its meaning; both sides refuse another version by name."""

RECOGNIZE_PATH = "/wire/v3/recognize"
PROVE_PATH = "/wire/v3/prove"
STATE_PATH = "/wire/v3/state"
SEGMENT_TYPE = "application/x-harken-segment"
MESSAGES_TYPE = "application/x-ndjson"

_HEADER_BYTES_MAX = 1 << 20


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
class Beat:
    """Still alive; nothing new to read.

    Attributes:
        progress: 0 while the segment waits for its turn; afterwards a number that differs from the last beat's whenever
            the segment has moved on in between.
    """

    progress: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """The end: recognised."""

    transcript: Transcript


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """The end: failed, with a stable code."""

    code: str
    message: str
    retry_after_s: int | None = None

    def error(self) -> HarkenError:
        """The same failure as an exception on this side of the wire."""
        kind = leaves().get(self.code)
        if kind is None:
            return InstanceFailed(f"{self.code}: {self.message}")
        return kind(self.message, retry_after_s=self.retry_after_s)


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
    """

    name: str
    state: str
    model: ModelInfo | None
    in_flight: int
    detail: str = ""
    uptime_s: float = 0.0
    loop_lag_s: float = 0.0


def pack_job(job: Job) -> bytes:
    """Write a segment and its options as one body."""
    header = {
        "version": VERSION,
        "request_id": job.segment.request_id,
        "index": job.segment.index,
        "start": job.segment.start,
        "samples": len(job.segment.samples),
        "sample_rate": SAMPLE_RATE,
        "options": dataclasses.asdict(job.options),
        "wants_deltas": job.wants_deltas,
    }
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
        count = int(header["samples"])
        segment = Segment(
            samples=np.frombuffer(samples, dtype="<f4").astype(np.float32, copy=False),
            request_id=str(header["request_id"]),
            index=int(header["index"]),
            start=int(header["start"]),
        )
        options = _options(header["options"])
        job = Job(segment=segment, options=options, wants_deltas=bool(header["wants_deltas"]))
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"A field of the segment's header is missing or wrong: {error}.") from error
    if len(segment.samples) != count:
        raise WireError(f"The header promises {count} samples, the body holds {len(segment.samples)}.")
    if header.get("sample_rate") != SAMPLE_RATE:
        raise WireError(f"Segments have {SAMPLE_RATE} samples per second, not {header.get('sample_rate')}.")
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
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def unpack_message(line: bytes) -> Message:
    """Read one JSON line.

    Raises:
        WireError: it is no message.
    """
    try:
        fields = json.loads(line)
        match fields["type"]:
            case "delta":
                return Delta(text=str(fields["text"]))
            case "beat":
                return Beat(progress=int(fields["progress"]))
            case "done":
                return Done(transcript=_transcript(fields["transcript"]))
            case "failed":
                wait_s = fields.get("retry_after_s")
                retry_after_s = None if wait_s is None else int(wait_s)
                return Failed(code=str(fields["code"]), message=str(fields["message"]), retry_after_s=retry_after_s)
            case other:
                raise WireError(f"Unknown message type {other!r}.")
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise WireError(f"Not a message: {line[:200]!r}.") from error


def pack_state(state: InstanceState) -> bytes:
    """Write an instance's state as JSON."""
    return json.dumps({"version": VERSION, **dataclasses.asdict(state)}, ensure_ascii=False).encode()


def unpack_state(body: bytes) -> InstanceState:
    """Read what `pack_state` wrote.

    Raises:
        WireError: other bytes or another version.
    """
    try:
        fields = json.loads(body)
        _check_version(fields)
        model = fields.pop("model")
        fields.pop("version")
        return InstanceState(model=None if model is None else _model(model), **fields)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise WireError(f"Not an instance's state: {body[:200]!r}.") from error


def _options(raw: dict[str, Any]) -> Options:
    language = raw["language"]
    return Options(
        language=None if language is None else str(language),
        context=str(raw["context"]),
        temperature=float(raw["temperature"]),
        repetition_penalty=float(raw["repetition_penalty"]),
        wants_words=bool(raw["wants_words"]),
        wants_logprobs=bool(raw["wants_logprobs"]),
    )


def _transcript(raw: dict[str, Any]) -> Transcript:
    words, logprobs = raw.pop("words"), raw.pop("logprobs")
    return Transcript(
        finish=Finish(raw.pop("finish")),
        words=None if words is None else tuple(Word(**word) for word in words),
        logprobs=None
        if logprobs is None
        else tuple(TokenLogprob(**{**token, "bytes": tuple(token["bytes"])}) for token in logprobs),
        **raw,
    )


def _model(raw: dict[str, Any]) -> ModelInfo:
    aligner = raw.pop("aligner")
    return ModelInfo(
        languages=tuple(raw.pop("languages")),
        aligner=None if aligner is None else AlignerInfo(languages=tuple(aligner.pop("languages")), **aligner),
        **raw,
    )


def _split(body: bytes) -> tuple[dict[str, Any], bytes]:
    if len(body) < 4:
        raise WireError("The body is shorter than its length field.")
    (size,) = struct.unpack_from("<I", body)
    if size > min(_HEADER_BYTES_MAX, len(body) - 4):
        raise WireError("The header is longer than the body.")
    try:
        header = json.loads(body[4 : 4 + size])
    except ValueError as error:
        raise WireError("The header is not JSON.") from error
    samples = body[4 + size :]
    if not isinstance(header, dict) or len(samples) % 4:
        raise WireError("The body is not a header and float32 samples.")
    return header, samples


def _check_version(fields: dict[str, Any]) -> None:
    if fields.get("version") != VERSION:
        raise WireError(f"This side speaks wire version {VERSION}, the other {fields.get('version')!r}.")
