"""Which sequence has which slot, and what the model does next.

Pure: numbers in, a step out; no tensors, no clock, no threads. Waiting segments are admitted in order as soon as a slot
is free, in prefill batches that are bounded in audio-seconds (a long prefill makes everybody else wait for their next
token); otherwise all running sequences take one decode step together. Segments thus join and leave between steps.

The invariant: every slot is either free or held by exactly one running sequence. `faults` says whether it holds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from harken.engine.loops import LoopWatch
from harken.engine.stopping import finish_of
from harken.types import Finish


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """What one segment asks for.

    Attributes:
        key: its number in this engine.
        audio_s: seconds of audio.
        prompt_tokens: tokens of its prompt, audio included.
        cap: the most tokens that it may write; a prefix is written already.
        prefix: tokens of its answer that the prompt ends with.
    """

    key: int
    audio_s: float
    prompt_tokens: int
    cap: int
    prefix: tuple[int, ...] = ()


@dataclass(kw_only=True, slots=True)
class Sequence:
    """A running segment: what it asked for, its slot, the tokens it wrote so far (none that means "done").

    The watch sees the prefix too. Whether more was written than anybody can have said in the segment is a question
    about the whole text; and a loop that began in one draft would else be fed to the next as a prefix and start afresh.
    """

    demand: Demand
    slot: int
    tokens: list[int] = field(default_factory=list)
    watch: LoopWatch = field(default_factory=LoopWatch)

    @property
    def key(self) -> int:
        """The segment's number."""
        return self.demand.key

    @property
    def cached(self) -> int:
        """Tokens in the cache: the prompt and all that was written, but for the newest one."""
        return self.demand.prompt_tokens + len(self.tokens) - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Prefill:
    """Read these prompts into their slots."""

    sequences: tuple[Sequence, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decode:
    """Take one more token for each of these."""

    sequences: tuple[Sequence, ...]


Step = Prefill | Decode


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """A sequence that ended with the last step; its slot is free again."""

    sequence: Sequence
    finish: Finish


class Scheduler:
    """Slots, the queue in front of them, and the next step.

    Args:
        slots: sequences that may run at the same time.
        stop_ids: tokens that mean "done".
        prefill_audio_s: most audio in one prefill batch; a single longer segment is still admitted, alone.
    """

    def __init__(self, *, slots: int, stop_ids: frozenset[int], prefill_audio_s: float) -> None:
        self._slots = slots
        self._limit = slots
        self._stop_ids = stop_ids
        self._prefill_audio_s = prefill_audio_s
        self._free = deque(range(slots))
        self._waiting: dict[int, Demand] = {}  # in order of arrival
        self._running: dict[int, Sequence] = {}

    def __repr__(self) -> str:
        return f"<Scheduler slots={self._slots} running={len(self._running)} waiting={len(self._waiting)}>"

    @property
    def has_work(self) -> bool:
        """Something waits or runs."""
        return bool(self._waiting or self._running)

    @property
    def slots(self) -> int:
        """Sequences that may run at the same time, as far as memory has allowed."""
        return self._limit

    @property
    def running(self) -> int:
        """Sequences that hold a slot."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Segments that have no slot yet."""
        return len(self._waiting)

    def written(self, key: int) -> int | None:
        """How many tokens a running sequence has; None where it does not run. May be read from any thread."""
        sequence = self._running.get(key)
        return None if sequence is None else len(sequence.tokens)

    def open(self, slots: int) -> None:
        """Take the number of slots that there was memory for, before anything runs."""
        assert not self._running, f"{len(self._running)} sequences run"
        self._slots = self._limit = slots
        self._free = deque(range(slots))

    def submit(self, demand: Demand) -> None:
        """Put a segment at the end of the queue; its key must be new."""
        assert demand.key not in self._waiting, f"segment {demand.key} waits already"
        assert demand.key not in self._running, f"segment {demand.key} runs already"
        self._waiting[demand.key] = demand

    def cancel(self, key: int) -> None:
        """Forget a segment and free its slot; one that has ended already is no matter."""
        self._waiting.pop(key, None)
        self._leave(key)

    def schedule(self) -> Step | None:
        """Claim slots for those who wait, or else let all running ones go on; None when there is nothing to do."""
        if admitted := self._admit():
            return Prefill(sequences=tuple(admitted))
        # A sequence without a token was admitted, but its prefill never came back (the step was abandoned).
        if unread := tuple(sequence for sequence in self._running.values() if not sequence.tokens):
            return Prefill(sequences=unread)
        return Decode(sequences=tuple(self._running.values())) if self._running else None

    def follow(self) -> Decode | None:
        """What comes after a decode step that is still being computed: one more token for all that may go on.

        Some of them may turn out to have ended with the token that is not known yet; `advance` passes over these. None
        where a slot is free for somebody who waits, or nobody can go on.
        """
        if self._waiting and len(self._running) < self._limit:
            return None
        going = tuple(each for each in self._running.values() if 0 < len(each.tokens) < each.demand.cap - 1)
        return Decode(sequences=going) if going else None

    def postpone(self, step: Prefill) -> bool:
        """Take back a prefill that there was no memory for, and admit no more than what runs without it.

        Its sequences wait again, in front of all others, for the next slot that becomes free; half as much audio is
        read at once from now on.

        Returns:
            False where that cannot help: a single segment, and nothing else runs.
        """
        others = len(self._running) - len(step.sequences)
        if len(step.sequences) == 1 and not others:
            return False
        for sequence in step.sequences:
            self._leave(sequence.key)
        self._waiting = {sequence.key: sequence.demand for sequence in step.sequences} | self._waiting
        self._limit = max(1, others if len(step.sequences) == 1 else len(step.sequences) // 2 + others)
        self._prefill_audio_s /= 2
        return True

    def advance(self, step: Step, tokens: list[int]) -> list[Ending]:
        """Give each sequence of a step its new token; those that are done leave their slots.

        Args:
            step: what `schedule` returned; sequences of it that were cancelled meanwhile are passed over.
            tokens: one for each of them, in order.
        """
        assert len(tokens) == len(step.sequences), f"{len(tokens)} tokens for {len(step.sequences)} sequences"
        return [
            ending
            for sequence, token in zip(step.sequences, tokens, strict=True)
            if self._running.get(sequence.key) is sequence and (ending := self._append(sequence, token))
        ]

    def faults(self) -> list[str]:
        """Say in words where the slot accounting is wrong; empty when every slot is free or held exactly once."""
        held = [sequence.slot for sequence in self._running.values()]
        owners = {slot: held.count(slot) + self._free.count(slot) for slot in range(self._slots)}
        wrong = [f"slot {slot} is accounted for {count} times" for slot, count in owners.items() if count != 1]
        strange = [f"slot {slot} does not exist" for slot in (*held, *self._free) if slot not in owners]
        return wrong + strange

    def mend(self) -> None:
        """Count the free slots anew from what is running."""
        held = {sequence.slot for sequence in self._running.values()}
        self._free = deque(slot for slot in range(self._slots) if slot not in held)

    def _admit(self) -> list[Sequence]:
        admitted: list[Sequence] = []
        audio_s = 0.0
        for demand in list(self._waiting.values()):
            audio_s += demand.audio_s
            if len(self._running) >= self._limit or (admitted and audio_s > self._prefill_audio_s):
                break
            del self._waiting[demand.key]
            sequence = Sequence(demand=demand, slot=self._free.popleft())
            for token in demand.prefix:
                sequence.watch.see(token)
            self._running[demand.key] = sequence
            admitted.append(sequence)
        return admitted

    def _append(self, sequence: Sequence, token: int) -> Ending | None:
        if token not in self._stop_ids:
            sequence.tokens.append(token)
            sequence.watch.see(token)
        finish = finish_of(
            token,
            len(sequence.tokens),
            cap=sequence.demand.cap,
            stop_ids=self._stop_ids,
            is_loop=sequence.watch.is_loop(sequence.demand.audio_s),
        )
        if finish is None:
            return None
        self._leave(sequence.key)
        return Ending(sequence=sequence, finish=finish)

    def _leave(self, key: int) -> None:
        sequence = self._running.pop(key, None)
        if sequence is not None:
            self._free.append(sequence.slot)
