"""Collects the shadow sample, and has a new instance recognise it.

Thin: which segments are worth keeping `shadow_sample` decides, and what the answers mean `shadow`. It listens to the
dispatcher while a roll is on. Where too little comes, recordings of this package fill the sample, and the old model is
asked what it hears in them. The invariant: what clients sent stays in memory, bounded, is in no log line, and is
forgotten with `close`; and nobody gets a text that came from here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from harken.clock import Clock, SystemClock
from harken.dispatch.attempt import attempt_time_s
from harken.dispatch.lines.line import Line, Missed
from harken.dispatch.recognized import Recognized
from harken.errors import HarkenError, InternalError, TimedOut
from harken.fleet.packaged import Packaged, read_packaged
from harken.fleet.shadow import Failure, Heard, Pair
from harken.fleet.shadow_sample import Sample, Samples
from harken.log import get_log
from harken.types import Options, Segment, Transcript
from harken.wire import Job

AUDIO_S = 300.0
"""Seconds of audio in a sample, at most: 19 MB, and minutes of work for a large model on a CPU."""

_TRIES = 2
_LOOK_S = 5.0
_SEGMENT_S = 300.0

_log = get_log("fleet.shadow")


class ShadowSampler:
    """One roll's sample.

    Args:
        wanted: segments.
        is_old: whether a target of that name holds the old model; only what it heard is kept.
        audio_s: seconds of audio in all of them, at most.
        at_once: segments that are recognised at the same time: the machine has others to serve.
        clock: seconds, for how long they take.
        packaged: reads so many recordings of the package; blocking.
    """

    def __init__(
        self,
        *,
        wanted: int,
        is_old: Callable[[str], bool],
        audio_s: float = AUDIO_S,
        at_once: int = 2,
        clock: Clock | None = None,
        packaged: Callable[[int], Iterable[Packaged]] = read_packaged,
    ) -> None:
        self._wanted = wanted
        self._is_old = is_old
        self._samples = Samples(wanted, audio_s)
        self._places = asyncio.Semaphore(at_once)
        self._clock = clock or SystemClock()
        self._packaged = packaged
        self._enough = asyncio.Event()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._samples)

    def note(self, recognized: Recognized) -> None:
        """Take in what a target has just recognised; for `Dispatcher.listen`. It neither blocks nor raises.

        Answers that were drawn by chance, that the guard asked for after a loop, or that began with a given text, say
        nothing of the model.
        """
        options, transcript = recognized.job.options, recognized.transcript
        is_plain = options.temperature == 0.0 and options.repetition_penalty == 1.0 and not options.prefix
        if self._is_closed or not is_plain or not self._is_old(recognized.target):
            return
        self._samples.offer(recognized.job.segment, options, _heard(transcript, recognized.took_s))
        if self._samples.is_enough:
            self._enough.set()

    async def collect(self, ask_old: Line | None, *, wait_s: float) -> int:
        """Wait for traffic, then fill up with recordings of the package; returns how many segments there are.

        Args:
            ask_old: a line to an instance of the old model; None where none is left: then what is known to be said in
                a recording stands for what it would have heard.
            wait_s: how long to wait for traffic, in seconds.
        """
        if not self._samples.is_enough:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), wait_s)
        of_traffic = len(self._samples)
        if not self._samples.is_enough:
            recordings = await asyncio.to_thread(lambda: tuple(self._packaged(self._wanted - of_traffic)))
            async with asyncio.TaskGroup() as tasks:
                for number, recording in enumerate(recordings):
                    tasks.create_task(self._fill(ask_old, recording, f"packaged-{number}"))
        _log.info("roll.sampled", traffic=of_traffic, packaged=len(self._samples) - of_traffic)
        return len(self._samples)

    async def run(self, line: Line) -> tuple[Pair, ...]:
        """Have a new instance recognise the sample, in any order; what takes too long counts as failed.

        Segments longer than the new model takes are left out: after the roll they will be cut shorter.
        """
        state = await line.look(_LOOK_S)
        model = None if isinstance(state, Missed) else state.model
        fitting = [one for one in self._samples if model is None or one.segment.audio_s <= model.max_segment_s]
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(self._pair(line, one, f"shadow-{number}")) for number, one in enumerate(fitting)]
        return tuple(task.result() for task in asked)

    def close(self) -> None:
        """Forget everything, and take in nothing more."""
        self._is_closed = True
        self._samples.clear()

    async def _pair(self, line: Line, sample: Sample, name: str) -> Pair:
        new = await self._ask(line, replace(sample.segment, request_id=name), sample.options)
        audio_s, is_forced = sample.segment.audio_s, sample.options.language is not None
        return Pair(audio_s=audio_s, old=sample.heard, new=new, is_forced=is_forced)

    async def _fill(self, ask_old: Line | None, recording: Packaged, source: str) -> None:
        segment = Segment(samples=recording.samples, request_id=source)
        heard = Heard(text=recording.text, language=recording.language)
        if ask_old is not None:
            answer = await self._ask(ask_old, segment, Options())
            heard = answer if isinstance(answer, Heard) else heard
        self._samples.offer(segment, Options(), heard)

    async def _ask(self, line: Line, segment: Segment, options: Options) -> Heard | Failure:
        """Have one segment recognised; a failure that may be chance gets a second try."""
        job = Job(segment=segment, options=options, wants_deltas=False)
        async with self._places:
            for tries_left in reversed(range(_TRIES)):
                began = self._clock.now()
                try:
                    async with asyncio.timeout(attempt_time_s(segment.audio_s, _SEGMENT_S)):
                        transcript = await line.recognize(job, _nobody)
                except TimeoutError:
                    return Failure(code=TimedOut.code)
                except HarkenError as error:
                    if tries_left and error.retryable:
                        continue
                    return Failure(code=error.code)
                except Exception:  # noqa: BLE001 - what one instance answers must not end the roll without a verdict
                    _log.exception("roll.shadow_defect")
                    return Failure(code=InternalError.code)
                return _heard(transcript, self._clock.now() - began)
        raise AssertionError(f"the last of {_TRIES} tries ends one way or the other")


def _heard(transcript: Transcript, took_s: float) -> Heard:
    return Heard(
        text=transcript.text,
        language=transcript.language,
        finish=transcript.finish,
        took_s=took_s,
        tokens=transcript.tokens,
    )


def _nobody(_text: str) -> None:
    """Nobody gets what a new model says before it is in service."""
