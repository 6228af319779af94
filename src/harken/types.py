"""The words of Harken as data: segment, options, transcript, model; and the one interface, `Recognizer`.

Everything above this floor speaks in these types. They hold plain data and know nothing of HTTP, tensors or processes.
The invariant of the whole system is in `Recognizer.recognize`: it returns a transcript, or raises one `HarkenError`,
or is cancelled. Python itself then guarantees that each accepted segment ends exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from harken.trace import Trace

SAMPLE_RATE = 16_000
"""Samples per second of every segment."""

Send = Callable[[str], None]
"""Takes the next piece of text of a segment. It never blocks: what one segment can say is bounded by its token cap."""


class Priority(StrEnum):
    """The classes in which work waits; a higher one goes first, until a lower one has waited too long."""

    LIVE = "live"
    """Somebody is speaking and reads along."""
    INTERACTIVE = "interactive"
    """Somebody waits for the answer."""
    BATCH = "batch"
    """Nobody waits: jobs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requester:
    """Who asks, and how urgently; what is decided about a segment before it runs depends on it, its text never.

    Attributes:
        key: id of the API key, "" where none is used; work is shared out fairly between keys.
        priority: the class in which it waits.
        deadline: the clock's time, in seconds, after which the client has no use for the answer; None for none.
        is_bound: work ends at the deadline. False where others may wait for the same answer: it only hurries the work
            then, and whoever asks stops waiting by himself.
        trace: the span that the work belongs to; None where it is not traced. Two that differ in it ask the same.
    """

    key: str = ""
    priority: Priority = Priority.INTERACTIVE
    deadline: float | None = None
    is_bound: bool = True
    trace: Trace | None = field(default=None, compare=False)

    @property
    def ends_at(self) -> float | None:
        """The clock's time, in seconds, at which work is given up; None for never."""
        return self.deadline if self.is_bound else None


ANYBODY = Requester()
"""Where nobody in particular asks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A piece of a recording, short enough for one pass of the model.

    Attributes:
        samples: float32 [n], mono, 16 kHz, in [-1, 1].
        request_id: the client's request it belongs to; it travels into every log line.
        index: its place among the segments of that request, from 0.
        start: its first sample's place in the recording, in samples.
        recording_s: length of the recording, in seconds, as far as it is known; the queue's measure of short and long.
        requester: who asks for it.
        home: where its session was recognised last (`Transcript.instance`), and the encoder may know its sound; it goes
            there while there is room. "" or a name that nobody has: anywhere. It does not travel on.
    """

    samples: NDArray[np.float32]
    request_id: str
    index: int = 0
    start: int = 0
    recording_s: float = 0.0
    requester: Requester = ANYBODY
    home: str = ""

    @property
    def audio_s(self) -> float:
        """Its length in seconds of audio."""
        return len(self.samples) / SAMPLE_RATE

    @property
    def id(self) -> str:
        """A name for logs and for the wire: unique per attempt's request and index."""
        return f"{self.request_id}.{self.index}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the client wants of the recognition.

    Attributes:
        language: a name of `harken.languages` to force, or None to let the model detect it.
        context: free text for the system turn (names, terms); never instructions.
        temperature: 0 chooses the likeliest token; above, tokens are drawn, by a seed made of the segment's samples,
            so that the same recording gives the same text.
        repetition_penalty: 1 changes nothing; above, tokens that this answer already holds become less likely
            (Keskar et al., 2019). Set by the guard against loops, not by clients.
        wants_words: with the times of its words; only where the model has an aligner (`ModelInfo.aligner`).
        wants_logprobs: with the log-probability of each token.
        prefix: how the text begins, up to the end of a word (of a character in scripts without spaces); the model goes
            on behind it. Only with a forced language, and where the model knows how (`Wish.PREFIX`). Set by live
            transcription, not by clients; space at its ends says nothing.
    """

    language: str | None = None
    context: str = ""
    temperature: float = 0.0
    repetition_penalty: float = 1.0
    wants_words: bool = False
    wants_logprobs: bool = False
    prefix: str = ""


class Wish(StrEnum):
    """What a client may want of a recognition and not every model can do."""

    CONTEXT = "context"
    """To be told names and terms beforehand: prompt, context, keywords."""
    TEMPERATURE = "temperature"
    """To draw tokens instead of taking the likeliest."""
    LOGPROBS = "logprobs"
    """To say how sure it is of each token."""
    PREFIX = "prefix"
    """To go on behind a text that is given."""


class Finish(StrEnum):
    """Why the model stopped writing."""

    STOP = "stop"
    """It said that it was done."""
    LENGTH = "length"
    """The token cap was reached: the text may be incomplete, and whoever shows it must say so."""
    LOOP = "loop"
    """It repeated itself faster than anybody speaks and was stopped; the text ends in the repetition."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """A word and when it is spoken.

    Attributes:
        text: the word as the aligner takes it: without punctuation; one character in scripts without spaces.
        start_s: where its sound begins, in seconds from the start of the segment (stitched: of the recording).
        end_s: where it ends; not before `start_s`.
    """

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenLogprob:
    """One token of the text and how sure the model was of it.

    Attributes:
        token: its text; U+FFFD where it is a part of a character.
        logprob: natural logarithm of its probability (at temperature 1, before any penalty).
        bytes: its UTF-8 bytes.
    """

    token: str
    logprob: float
    bytes: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Transcript:
    """What was said in one segment.

    Attributes:
        text: the words, without header or special tokens; empty for silence. With a forced prefix it is the whole: what
            was given, and what the model wrote behind it.
        language: the detected or forced language's name; "" where nothing was spoken.
        audio_s: seconds of audio it covers.
        tokens: tokens the model wrote; a prefix it did not write.
        finish: why it stopped.
        instance: name of the instance that recognised it.
        words: in order, never overlapping; () where no word was spoken, or in a language that the aligner does not
            know; None where they were not asked for.
        logprobs: of the tokens of `text` that the model wrote (header, prefix and end left out); None where they were
            not asked for.
        avg_logprob: mean over the tokens of the text and its end; None where logprobs were not asked for.
        no_speech_prob: probability that the model gave to "language None" where it chose the language; None where
            logprobs were not asked for or the language was forced.
        is_cached: no model ran for this asking: it was known, or somebody asked the same at the same time; None where
            nobody looked. No part of what was said: two transcripts that differ in it are equal.
    """

    text: str
    language: str
    audio_s: float
    tokens: int = 0
    finish: Finish = Finish.STOP
    instance: str = ""
    words: tuple[Word, ...] | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    avg_logprob: float | None = None
    no_speech_prob: float | None = None
    is_cached: bool | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignerInfo:
    """What a server may say about the forced aligner beside its model.

    Attributes:
        name: the public name, for example "Qwen/Qwen3-ForcedAligner-0.6B".
        revision: changes with its weights.
        languages: names of `harken.languages` whose words it can time.
    """

    name: str
    revision: str
    languages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelInfo:
    """What a server may say about the model it holds.

    Attributes:
        name: the public name, for example "Qwen/Qwen3-ASR-1.7B".
        revision: changes whenever the weights or their configuration change.
        max_segment_s: the longest segment it recognises well, in seconds.
        languages: names of `harken.languages` that it knows.
        slots: segments that one instance runs at the same time.
        aligner: what times its words; None where it has none.
        pause_s: a recording too long for one pass is cut at every silence of this length, in seconds, beyond the
            moments that stay with the speech on either side; the default only spares the model long silence.
        batches: several segments at once are done sooner than one after another; False for a server that is serial
            inside, however many it accepts.
        lacks: wishes that it cannot fulfil; whoever has one is refused.
    """

    name: str
    revision: str
    max_segment_s: float
    languages: tuple[str, ...]
    slots: int = 1
    aligner: AlignerInfo | None = None
    pause_s: float = 3.0
    batches: bool = True
    lacks: tuple[Wish, ...] = ()


class Recognizer(Protocol):
    """Turns segments into transcripts: the engine in an instance, the dispatcher in a gateway."""

    async def model(self) -> ModelInfo:
        """Tell what is being served; waits, within bounds, while the first instance is still starting.

        Raises:
            HarkenError: `no_ready_instance` when none became ready in time.
        """
        ...

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """Recognise one segment.

        Args:
            segment: not longer than `model().max_segment_s`.
            options: language and context.
            send: gets the text as it comes; None means that nobody reads before the end, which lets a
                dispatcher try again on another instance for longer.

        Raises:
            HarkenError: exactly one, with a stable code; or asyncio.CancelledError when the caller left.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What an instance counts of itself; the counts only grow.

    Attributes:
        device: what it computes on, such as "cpu" or "cuda:0".
        memory_bytes: RAM that its process holds; None where the system does not say.
        gpu_memory_bytes: memory of its GPU that it holds; None without one.
        waiting: segments that have no slot yet.
        busy_s: seconds in steps of the model.
        audio_s: seconds of audio that were recognised.
        tokens: that were written.
        prefills: steps that read segments.
        decodes: steps that wrote one token for each running segment.
    """

    device: str = ""
    memory_bytes: int | None = None
    gpu_memory_bytes: int | None = None
    waiting: int = 0
    busy_s: float = 0.0
    audio_s: float = 0.0
    tokens: int = 0
    prefills: int = 0
    decodes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveFigures:
    """Live sessions; the counts are since the server's start.

    Attributes:
        limit: how many there may be.
        sessions: that are open, those whose client is away among them.
        speaking: of these, in which somebody speaks now.
        away: of these, whose connection broke.
        opened: so far.
        refused: so far, for want of capacity.
        ended: why those ended that did → how many: "finished" by their client, "left" by it, or an error's code.
        drafts: so far.
        draft_s: seconds from wanting a draft to its text, lately; 0 before the first.
        at_odds: turns whose final text did not begin with what was shown as final.
        completed: turns that have their final text.
        audio_s: seconds of sound that were taken.
    """

    limit: int = 0
    sessions: int = 0
    speaking: int = 0
    away: int = 0
    opened: int = 0
    refused: int = 0
    ended: Mapping[str, int] = field(default_factory=dict)
    drafts: int = 0
    draft_s: float = 0.0
    at_odds: int = 0
    completed: int = 0
    audio_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class InstanceHealth:
    """One instance as its server, or the gateway in front of it, sees it.

    Attributes:
        name: in logs and answers.
        url: where it is.
        state: a word of its lifecycle, or of the gateway's view of it.
        in_flight: segments that it has now.
        slots: segments that it can run at the same time; 0 while unknown.
        limit: segments that it is given at the same time now; 0 while it is given none.
        last_success_s: seconds since it last recognised something; None if it has not yet.
        loop_lag_s: by how much its event loop was late at worst in the last seconds.
        ejected: why it is set aside, in a word; "" while it is not.
        restarts: how often its process was started again.
        pid: of its process, where that is one of ours.
        detail: one sentence where something is wrong.
        model: name of what it serves; "" while unknown.
        figures: what it counts of itself; None where it did not say.
    """

    name: str
    url: str
    state: str
    in_flight: int = 0
    slots: int = 0
    limit: int = 0
    last_success_s: float | None = None
    loop_lag_s: float = 0.0
    ejected: str = ""
    restarts: int = 0
    pid: int | None = None
    detail: str = ""
    model: str = ""
    figures: Figures | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """The honest answer to "can you transcribe now?".

    Attributes:
        name: of the server that answers.
        is_ready: a recording sent now would be recognised.
        state: one word: ready, degraded, full, starting, draining, broken, stopped, asleep.
        model: name of the model, "" while unknown.
        queued_audio_s: seconds of audio that wait for a slot.
        loop_lag_s: by how much this server's own event loop was late at worst in the last seconds.
        instances: one line each (a gateway's targets, or the instance itself).
    """

    name: str
    is_ready: bool
    state: str
    model: str = ""
    queued_audio_s: float = 0.0
    loop_lag_s: float = 0.0
    instances: tuple[InstanceHealth, ...] = field(default=())
