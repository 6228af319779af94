"""The queue: classes and their patience, keys, due times, leaving, deadlines; against the obvious, slow queue."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.dispatch.order.queue import BATCH_HOLD_S, OTHERS_PER_OWN, PATIENCE_S, Queue
from harken.dispatch.order.room import Room
from harken.dispatch.order.ticket import SLACK_MAX_S, Lane, Ticket
from harken.types import Priority, Requester
from tests.dispatch.naive_queue import NaiveQueue

LIVE, INTERACTIVE, BATCH = Priority.LIVE, Priority.INTERACTIVE, Priority.BATCH


def ticket(
    audio_s: float = 1.0,
    *,
    recording_s: float = 0.0,
    key: str = "",
    priority: Priority = INTERACTIVE,
    arrival: float = 0.0,
    deadline: float = 1000.0,
) -> Ticket:
    """One waiting segment."""
    requester = Requester(key=key, priority=priority)
    return Ticket(audio_s=audio_s, recording_s=recording_s, requester=requester, arrival=arrival, deadline=deadline)


def filled(*tickets: Ticket, limit_audio_s: float = 1e6) -> Queue[Ticket]:
    """A queue into which the tickets were pushed in this order."""
    queue: Queue[Ticket] = Queue(Room(limit_audio_s))
    for each in tickets:
        assert queue.push(each)
    return queue


def emptied(queue: Queue[Ticket], now: float = 0.0) -> list[Ticket]:
    """All tickets in the order in which they leave."""
    out = []
    while (one := queue.pop(now)) is not None:
        out.append(one)
    return out


def test_of_equal_ones_the_first_come_is_first_served() -> None:
    """Tickets of one key and length leave in the order of their arrival."""
    first, second, third = ticket(), ticket(), ticket()
    assert emptied(filled(first, second, third)) == [first, second, third]


def test_a_short_clip_goes_before_the_segments_of_a_long_recording() -> None:
    """What counts is the recording's length: an hour's segments are as short as a clip."""
    segment, clip = ticket(6.0, recording_s=3600.0), ticket(6.0, recording_s=6.0, arrival=10.0)
    assert emptied(filled(segment, clip), now=10.0) == [clip, segment]


def test_a_long_recording_is_not_overtaken_by_what_comes_much_later() -> None:
    """Its slack is capped, so short clips that come after that let it go first."""
    segment, late_minute = ticket(30.0, recording_s=36_000.0), ticket(30.0, recording_s=60.0, arrival=SLACK_MAX_S)
    assert emptied(filled(segment, late_minute), now=SLACK_MAX_S) == [segment, late_minute]


def test_long_recordings_wait_for_short_clips_until_they_are_out_of_patience() -> None:
    """From then on they get every fourth audio-second."""

    def order(now: float) -> str:
        segments = [ticket(10.0, recording_s=600.0) for _ in range(10)]
        queue = filled(*segments, *(ticket(10.0, arrival=1.0) for _ in range(40)))
        return "".join("s" if each.lane is Lane.SHORT else "L" for each in emptied(queue, now=now))

    assert order(15.0).startswith("s" * 40)
    assert order(15.1).startswith("Lsss" * 10)


def test_a_recording_that_began_earlier_goes_on_before_one_that_begins() -> None:
    """Or all long files would share the slots, and each be done last."""
    new, going_on = ticket(30.0, recording_s=600.0, arrival=20.0), ticket(30.0, recording_s=600.0, arrival=25.0)
    going_on.began = 5.0
    assert emptied(filled(new, going_on), now=25.0) == [going_on, new]


def test_bulk_work_takes_slots_of_the_reserve_only_after_a_while() -> None:
    """Long files after as long as is said, jobs after half a minute at least; short clips and live ones at once."""
    queue = filled(ticket(30.0, recording_s=600.0), ticket(priority=BATCH))
    assert queue.pop(5.0, hold_s=5.0) is None
    queue.push(clip := ticket(5.0, arrival=5.0))
    assert queue.pop(5.0, hold_s=5.0) is clip
    queue.push(speech := ticket(5.0, arrival=5.0, priority=LIVE))
    assert queue.pop(5.0, hold_s=5.0) is speech
    long = queue.pop(5.1, hold_s=5.0)
    assert long is not None
    assert (long.recording_s, queue.pop(BATCH_HOLD_S, hold_s=5.0)) == (600.0, None)
    assert queue.pop(BATCH_HOLD_S + 0.1, hold_s=BATCH_HOLD_S + 1.0) is None
    assert queue.pop(BATCH_HOLD_S + 0.1, hold_s=5.0) is not None


def test_lanes_go_in_their_order() -> None:
    """Somebody who speaks before somebody who waits, and both before nobody."""
    batch, interactive, live = (ticket(priority=each) for each in (BATCH, INTERACTIVE, LIVE))
    assert emptied(filled(batch, interactive, live)) == [live, interactive, batch]


@pytest.mark.parametrize("lower", [INTERACTIVE, BATCH])
def test_an_impatient_lane_gets_every_fourth_second_and_no_more(lower: Priority) -> None:
    """Its whole backlog is out of patience, and still the higher class goes on."""
    queue = filled(*(ticket(priority=lower) for _ in range(10)), *(ticket(priority=LIVE) for _ in range(40)))
    assert queue.pop(PATIENCE_S[ticket(priority=lower).lane]) is not None, "until its patience ends, nothing changes"
    out = emptied(queue, now=PATIENCE_S[ticket(priority=lower).lane] + 0.1)
    shares = [sum(each.requester.priority is lower for each in out[start : start + 4]) for start in range(0, 36, 4)]
    assert shares == [1] * 9


def test_two_impatient_lanes_both_get_on() -> None:
    """Neither takes the other's turn."""
    classes = {LIVE: 40, INTERACTIVE: 10, BATCH: 10}
    queue = filled(*(ticket(priority=each) for each, count in classes.items() for _ in range(count)))
    head = [each.requester.priority for each in emptied(queue, now=100.0)[:16]]
    assert (head.count(INTERACTIVE), head.count(BATCH)) == (4, 4)


def test_a_ticket_that_comes_back_goes_first() -> None:
    """Losing a slot does not send a segment to the end of its lane."""
    tried, shorter = ticket(30.0), ticket(2.0)
    queue = filled(tried)
    assert queue.pop(0.0) is tried
    assert queue.push(shorter)
    queue.put_back(tried)
    assert emptied(queue) == [tried, shorter]


def test_a_ticket_that_comes_back_is_not_charged_again() -> None:
    """What a dying instance costs is not the key's to pay."""

    def order_after(returns: int) -> str:
        tried = ticket(10.0, key="a")
        queue = filled(tried, *(ticket(1.0, recording_s=10.0, key=key) for key in "ab" for _ in range(15)))
        for _ in range(returns):
            assert queue.pop(0.0) is tried
            queue.put_back(tried)
        return "".join(each.requester.key for each in emptied(queue))

    assert order_after(0) == order_after(3)
    assert order_after(3).startswith("a" + "b" * 10 + "ab")


def test_one_key_with_a_thousand_segments_does_not_hold_up_another() -> None:
    """The second key's first segment is next after at most one of the first key's."""
    queue = filled(*(ticket(30.0, key="busy") for _ in range(1000)))
    for _ in range(5):
        queue.pop(0.0)
    assert queue.push(one := ticket(30.0, key="quiet", arrival=9.0))
    assert one in [queue.pop(9.0), queue.pop(9.0)]


def test_a_key_that_sends_one_after_another_gets_no_more_than_one_that_sends_all_at_once() -> None:
    """An empty flow is remembered while its key is ahead."""
    queue = filled(*(ticket(10.0, key="many") for _ in range(40)), ticket(10.0, key="one"))
    served = []
    for _ in range(40):
        popped = queue.pop(0.0)
        assert popped is not None
        served.append(popped.requester.key)
        if popped.requester.key == "one":
            queue.push(ticket(10.0, key="one"))
    assert abs(served.count("one") - served.count("many")) <= 1


def test_a_ticket_that_comes_back_is_never_refused() -> None:
    """It was accepted before; the bound is for new ones."""
    queue = filled(ticket(10.0), limit_audio_s=10.0)
    assert not queue.push(ticket(1.0))
    queue.put_back(ticket(5.0))
    assert queue.audio_s == 15.0


def test_who_leaves_is_gone_at_once_and_leaves_once() -> None:
    """Its audio no longer counts, and it does not come up any more."""
    first, second = ticket(3.0), ticket(4.0)
    queue = filled(first, second)
    assert queue.remove(first)
    assert not queue.remove(first)
    assert queue.audio_s == 4.0
    assert emptied(queue) == [second]


def test_those_whose_time_has_come_leave_and_the_others_stay() -> None:
    """A deadline is the first moment at which waiting is over."""
    late, later, much_later = ticket(deadline=5.0), ticket(deadline=3.0), ticket(deadline=9.0)
    queue = filled(late, later, much_later)
    assert queue.expire(2.9) == []
    assert queue.expire(5.0) == [later, late]
    assert emptied(queue) == [much_later]


def test_a_clients_own_deadline_ends_its_waiting() -> None:
    """Whichever comes first, ours or the client's."""
    own = Ticket(audio_s=1.0, requester=Requester(deadline=4.0), deadline=300.0)
    queue = filled(own)
    assert queue.expire(3.9) == []
    assert queue.expire(4.0) == [own]


def test_a_new_deadline_counts_for_the_new_stay() -> None:
    """A ticket that comes back with more time is not ended by its old deadline."""
    one = ticket(deadline=3.0)
    queue = filled(one)
    assert queue.pop(0.0) is one
    one.deadline = 8.0
    queue.put_back(one)
    assert queue.expire(5.0) == []
    assert queue.expire(8.0) == [one]


def test_husks_do_not_pile_up() -> None:
    """Ten thousand that came and went beside one that waits leave no more than a handful of entries behind."""
    queue = filled(ticket())
    for number in range(10_000):
        one = ticket(key=f"key-{number % 1000}")
        assert queue.push(one)
        assert queue.remove(one)
    rank = queue._ranks[Lane.SHORT]
    assert len(queue._by_end) + len(rank._by_arrival) < 200
    assert len(rank._flows) < 1200


def _calls(function: Callable[[], object]) -> int:
    """How many functions, of Python or C, are called meanwhile: a measure of work that no busy machine changes."""
    count = 0

    def see(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def _backlog(count: int) -> Queue[Ticket]:
    def one(number: int) -> Ticket:
        priority = list(Priority)[number % 3]
        key, size_s = f"key-{number % 100}", float(number * 7919 % 901)
        return ticket(5.0, recording_s=size_s, key=key, priority=priority, arrival=number / 100, deadline=1e4 + number)

    return filled(*(one(number) for number in range(count)))


def _rounds(queue: Queue[Ticket], now: float) -> Callable[[], None]:
    def work() -> None:
        for number in range(300):
            popped, leaver = queue.pop(now), ticket(recording_s=float(number), key="key-7", arrival=now)
            assert popped is not None
            queue.put_back(popped) if number % 10 == 0 else queue.push(ticket(arrival=now))
            queue.push(leaver)
            queue.remove(leaver)
            queue.expire(now)

    return work


@pytest.mark.slow
def test_the_work_per_decision_does_not_grow_with_the_backlog() -> None:
    """A hundred times as many waiting: the same number of steps, each a heap's O(log n) at most."""
    few, many = (_calls(_rounds(_backlog(count), 1e3)) for count in (1_000, 100_000))
    assert many < 1.5 * few


PRIORITIES = st.sampled_from(list(Priority))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(1, 30), st.sampled_from("abc"), PRIORITIES),
        st.tuples(st.sampled_from(["pop", "pop", "remove", "back", "expire", "wait"]), st.integers(0, 60)),
    ),
    max_size=80,
)


@settings(deadline=None)  # a busy machine is no defect
@given(STEPS)
def test_it_behaves_as_the_obvious_queue_would(steps: list[tuple[object, ...]]) -> None:
    """Whatever happens, it equals one that looks at everybody each time, and the sum of audio is exact."""
    queue: Queue[Ticket] = Queue(Room(1e6))
    naive, out, now = NaiveQueue(), list[Ticket](), 0.0
    for step, number, *rest in steps:
        assert isinstance(number, int)
        if step == "push":
            key, priority = rest
            assert isinstance(key, str)
            assert isinstance(priority, Priority)
            end = now + number * 7 % 60
            new = ticket(number / 16, recording_s=number * 9, key=key, priority=priority, arrival=now, deadline=end)
            assert queue.push(new)
            naive.add(new)
        elif step == "pop":
            expected = naive.pop(now)  # before the real one, which marks the ticket as called
            popped = queue.pop(now)
            assert popped is expected
            out += [] if popped is None else [popped]
        elif step == "remove" and naive.waiting:
            leaver = naive.waiting[number % len(naive.waiting)]
            naive.remove(leaver)
            assert queue.remove(leaver)
            out.append(leaver)
        elif step == "back" and out:
            returned = out.pop(number % len(out))
            queue.put_back(returned)
            naive.add(returned)
        elif step == "expire":
            assert set(queue.expire(now)) == set(naive.expire(now))
        elif step == "wait":
            now += number
        assert len(queue) == len(naive.waiting)
        assert queue.audio_s == sum(each.audio_s for each in naive.waiting)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 900), st.integers(0, 100)), max_size=40))
def test_within_a_key_the_order_is_by_due_time(specs: list[tuple[int, int, int]]) -> None:
    """Sorted by due; of equal ones, as they came. Short ones have a lane of their own."""
    tickets = [ticket(audio, recording_s=recording, arrival=arrival) for audio, recording, arrival in specs]
    assert emptied(filled(*tickets)) == sorted(tickets, key=lambda each: (each.lane is Lane.LONG, each.due))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 30)), max_size=60))
def test_keys_that_wait_together_are_never_further_apart_than_one_segment(specs: list[tuple[str, int]]) -> None:
    """Of two keys that still have something, neither was served more than one longest segment more than the other."""
    queue = filled(*(ticket(audio_s, key=key) for key, audio_s in specs))
    left = [key for key, _ in specs]
    longest = max((audio_s for _, audio_s in specs), default=0)
    served = dict.fromkeys("abcd", 0.0)
    while (popped := queue.pop(0.0)) is not None:
        served[popped.requester.key] += popped.audio_s
        left.remove(popped.requester.key)
        shares = [served[key] for key in set(left)]
        assert not shares or max(shares) - min(shares) <= longest


@settings(deadline=None)
@given(
    st.lists(st.tuples(PRIORITIES, st.integers(1, 30)), min_size=1, max_size=30), st.sampled_from([INTERACTIVE, BATCH])
)
def test_nothing_starves(flood: list[tuple[Priority, int]], lower: Priority) -> None:
    """Whatever keeps coming from others, who is out of patience gets on after a bounded amount of their audio."""
    starving = ticket(1.0, recording_s=9e9, key="starving", priority=lower)
    queue = filled(starving)
    now, others_s, longest = PATIENCE_S[starving.lane] + SLACK_MAX_S + 1.0, 0.0, max(audio_s for _, audio_s in flood)
    for number in range(1000):
        priority, audio_s = flood[number % len(flood)]
        assert queue.push(ticket(audio_s, key=f"key-{number % 3}", priority=priority, arrival=now))
        popped = queue.pop(now)
        if popped is starving:
            break
        assert popped is not None
        others_s += popped.audio_s
        now += 0.01
    # The classes beside it may each have an early turn, its own keys one each, and then its own turn has come.
    assert others_s <= (2 * OTHERS_PER_OWN + 8) * longest * 3
