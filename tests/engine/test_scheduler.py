"""Rules of harken.engine.scheduler."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from harken.engine.scheduler import Decode, Demand, Prefill, Scheduler, Step
from harken.types import Finish

_STOP = 99


def _demand(key: int, *, audio_s: float = 1.0, cap: int = 5) -> Demand:
    return Demand(key=key, audio_s=audio_s, prompt_tokens=20, cap=cap)


def _scheduler(slots: int = 2, prefill_audio_s: float = 100.0) -> Scheduler:
    return Scheduler(slots=slots, stop_ids=frozenset({_STOP}), prefill_audio_s=prefill_audio_s)


def _keys(step: Step | None) -> list[int]:
    return [] if step is None else [sequence.key for sequence in step.sequences]


def _run(scheduler: Scheduler, token: int = 1) -> Step:
    step = scheduler.schedule()
    assert step is not None
    scheduler.advance(step, [token] * len(step.sequences))
    return step


def test_with_nothing_to_do_there_is_no_step() -> None:
    """None is the answer of an idle scheduler, and it stays idle."""
    scheduler = _scheduler()
    assert scheduler.schedule() is None
    assert not scheduler.has_work
    assert scheduler.faults() == []


def test_waiting_segments_are_admitted_in_order_as_far_as_slots_reach() -> None:
    """The third of three waits when there are two slots."""
    scheduler = _scheduler(slots=2)
    for key in (5, 3, 4):
        scheduler.submit(_demand(key))
    step = scheduler.schedule()
    assert isinstance(step, Prefill)
    assert _keys(step) == [5, 3]
    assert {sequence.slot for sequence in step.sequences} == {0, 1}
    assert scheduler.waiting == 1


def test_a_prefill_batch_is_bounded_in_audio_seconds() -> None:
    """Others must not wait long for their next token; the rest follows in the next step."""
    scheduler = _scheduler(slots=8, prefill_audio_s=60)
    for key in range(5):
        scheduler.submit(_demand(key, audio_s=25))
    assert _keys(_run(scheduler)) == [0, 1]
    assert _keys(_run(scheduler)) == [2, 3]
    assert _keys(_run(scheduler)) == [4]


def test_one_segment_above_the_bound_is_admitted_alone() -> None:
    """The bound shapes batches; it never refuses a segment."""
    scheduler = _scheduler(slots=8, prefill_audio_s=10)
    scheduler.submit(_demand(0, audio_s=25))
    scheduler.submit(_demand(1, audio_s=1))
    assert _keys(_run(scheduler)) == [0]
    assert _keys(_run(scheduler)) == [1]


def test_a_segment_joins_between_two_decode_steps() -> None:
    """It is read first; then all running ones go on together."""
    scheduler = _scheduler(slots=3)
    scheduler.submit(_demand(0))
    assert isinstance(_run(scheduler), Prefill)
    assert isinstance(_run(scheduler), Decode)
    scheduler.submit(_demand(1))
    assert _keys(_run(scheduler)) == [1]
    step = scheduler.schedule()
    assert isinstance(step, Decode)
    assert _keys(step) == [0, 1]


def test_a_segment_leaves_as_soon_as_it_is_done_and_the_next_takes_its_slot() -> None:
    """The others do not notice."""
    scheduler = _scheduler(slots=2)
    for key in range(3):
        scheduler.submit(_demand(key))
    _run(scheduler)
    step = scheduler.schedule()
    assert step is not None
    endings = scheduler.advance(step, [1, _STOP])
    assert [(ending.sequence.key, ending.finish) for ending in endings] == [(1, Finish.STOP)]
    assert endings[0].sequence.tokens == [1], "the stop token is no text"
    joined = scheduler.schedule()
    assert isinstance(joined, Prefill)
    assert [(sequence.key, sequence.slot) for sequence in joined.sequences] == [(2, endings[0].sequence.slot)]


def test_the_lengths_count_what_is_in_the_cache() -> None:
    """After prefill that is the prompt; the newest token is never there yet."""
    scheduler = _scheduler()
    scheduler.submit(_demand(0))
    _run(scheduler)
    for written in range(3):
        step = _run(scheduler)
        assert step.sequences[0].cached == 20 + written + 1


def test_the_cap_ends_a_sequence_and_says_so() -> None:
    """It has then written exactly as many tokens as it may."""
    scheduler = _scheduler()
    scheduler.submit(_demand(0, cap=3))
    for _ in range(2):
        _run(scheduler)
    step = scheduler.schedule()
    assert step is not None
    (ending,) = scheduler.advance(step, [1])
    assert ending.finish is Finish.LENGTH
    assert ending.sequence.tokens == [1, 1, 1]
    assert not scheduler.has_work


def test_a_cancelled_segment_frees_its_slot_at_once_waiting_or_running() -> None:
    """Cancelling what has ended, or never was, changes nothing."""
    scheduler = _scheduler(slots=1)
    scheduler.submit(_demand(0))
    scheduler.submit(_demand(1))
    scheduler.submit(_demand(2))
    _run(scheduler)
    scheduler.cancel(1)
    scheduler.cancel(0)
    scheduler.cancel(0)
    scheduler.cancel(77)
    assert _keys(scheduler.schedule()) == [2]


def test_a_sequence_that_was_cancelled_during_a_step_is_passed_over() -> None:
    """Its token belongs to nobody; its slot is free, not free twice."""
    scheduler = _scheduler(slots=2)
    scheduler.submit(_demand(0))
    scheduler.submit(_demand(1))
    step = scheduler.schedule()
    assert step is not None
    scheduler.cancel(0)
    assert scheduler.advance(step, [_STOP, 1]) == []
    assert scheduler.faults() == []
    assert scheduler.running == 1


def test_an_abandoned_prefill_is_done_again() -> None:
    """A sequence without a token cannot take a decode step."""
    scheduler = _scheduler()
    scheduler.submit(_demand(0))
    first = scheduler.schedule()
    again = scheduler.schedule()
    assert isinstance(again, Prefill)
    assert _keys(again) == _keys(first)


def test_a_slot_that_was_lost_is_reported_and_can_be_mended() -> None:
    """The report names the slot; mending counts anew from what is running."""
    scheduler = _scheduler(slots=2)
    scheduler._free.popleft()
    scheduler._free.append(1)
    scheduler._free.append(7)
    assert sorted(scheduler.faults()) == [
        "slot 0 is accounted for 0 times",
        "slot 1 is accounted for 2 times",
        "slot 7 does not exist",
    ]
    scheduler.mend()
    assert scheduler.faults() == []


@given(st.lists(st.floats(0.1, 40), min_size=1, max_size=30), st.integers(1, 8), st.floats(1, 200))
def test_every_segment_is_admitted_exactly_once_and_in_order(
    seconds: list[float], slots: int, prefill_audio_s: float
) -> None:
    """Whatever the lengths, slots and bound."""
    scheduler = _scheduler(slots=slots, prefill_audio_s=prefill_audio_s)
    for key, audio_s in enumerate(seconds):
        scheduler.submit(_demand(key, audio_s=audio_s, cap=2))
    admitted: list[int] = []
    while (step := scheduler.schedule()) is not None:
        if isinstance(step, Prefill):
            admitted += _keys(step)
        scheduler.advance(step, [1] * len(step.sequences))
    assert admitted == list(range(len(seconds)))
    assert scheduler.faults() == []


class SchedulerMachine(RuleBasedStateMachine):
    """Random submits, cancels and steps with random ends: slots are never lost, shared or invented."""

    @initialize(slots=st.integers(1, 5))
    def start(self, slots: int) -> None:
        """A fresh scheduler."""
        self.slots = slots
        self.scheduler = _scheduler(slots=slots, prefill_audio_s=3.0)
        self.submitted = 0
        self.open: set[int] = set()
        self.ended: list[int] = []
        self.step: Step | None = None

    @rule(audio_s=st.floats(0.1, 5), cap=st.integers(1, 4))
    def submit(self, audio_s: float, cap: int) -> None:
        """Somebody comes."""
        self.scheduler.submit(_demand(self.submitted, audio_s=audio_s, cap=cap))
        self.open.add(self.submitted)
        self.submitted += 1

    @rule(data=st.data())
    @precondition(lambda self: self.submitted > 0)
    def cancel(self, data: st.DataObject) -> None:
        """Somebody leaves, perhaps long after the end, perhaps in the middle of a step."""
        key = data.draw(st.integers(0, self.submitted - 1))
        self.scheduler.cancel(key)
        self.open.discard(key)

    @rule()
    @precondition(lambda self: self.step is None)
    def schedule(self) -> None:
        """The next step is decided; every member has a slot of its own."""
        self.step = self.scheduler.schedule()
        assert (self.step is None) == (not self.open), "work and a step come together"
        if self.step is not None:
            held = [sequence.slot for sequence in self.step.sequences]
            assert len(set(held)) == len(held)
            if isinstance(self.step, Decode):
                assert len(held) == self.scheduler.running, "all running sequences go on"

    @rule(data=st.data())
    @precondition(lambda self: self.step is not None)
    def advance(self, data: st.DataObject) -> None:
        """The step is done; some of its members end."""
        assert self.step is not None
        size = len(self.step.sequences)
        tokens = data.draw(st.lists(st.sampled_from([1, 2, _STOP]), min_size=size, max_size=size))
        for ending in self.scheduler.advance(self.step, tokens):
            assert ending.sequence.key in self.open, "nothing ends twice or after it was cancelled"
            self.open.discard(ending.sequence.key)
        self.step = None

    @invariant()
    def slots_are_accounted_for(self) -> None:
        """Each is free or held exactly once, at any time."""
        if hasattr(self, "scheduler"):
            assert self.scheduler.faults() == []
            assert self.scheduler.running <= self.slots
            assert self.scheduler.running + self.scheduler.waiting == len(self.open)


TestSchedulerMachine = pytest.mark.slow(SchedulerMachine.TestCase)
