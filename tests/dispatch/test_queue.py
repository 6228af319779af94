"""The queue: order, bound, leaving, deadlines."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harken.dispatch.queue import Queue, Ticket


def ticket(audio_s: float = 1.0, deadline: float = 100.0) -> Ticket:
    """One waiting segment."""
    return Ticket(audio_s=audio_s, deadline=deadline)


def filled(*tickets: Ticket, limit_audio_s: float = 1000.0) -> Queue[Ticket]:
    """A queue into which the tickets were pushed in this order."""
    queue: Queue[Ticket] = Queue(limit_audio_s)
    for each in tickets:
        assert queue.push(each)
    return queue


def test_first_come_is_first_served() -> None:
    """Tickets leave in the order of their arrival."""
    first, second, third = ticket(), ticket(), ticket()
    queue = filled(first, second, third)
    assert [queue.pop(), queue.pop(), queue.pop(), queue.pop()] == [first, second, third, None]


def test_a_ticket_that_comes_back_has_kept_its_place() -> None:
    """Losing a slot does not send a segment to the end of the line."""
    first, second = ticket(), ticket()
    queue = filled(first, second)
    assert queue.pop() is first
    queue.put_back(first)
    assert queue.pop() is first


def test_a_ticket_placed_early_goes_before_those_that_came_later() -> None:
    """A segment that got a slot without waiting has a place all the same, for the case that it loses the slot."""
    early, late = ticket(), ticket()
    queue: Queue[Ticket] = Queue(100.0)
    queue.place(early)
    assert queue.push(late)
    queue.put_back(early)
    assert queue.pop() is early


def test_the_bound_is_in_audio_seconds_and_a_refusal_changes_nothing() -> None:
    """Ten seconds fit; what would exceed them is refused, what still fits is not."""
    queue = filled(ticket(6.0), limit_audio_s=10.0)
    assert not queue.push(ticket(4.5))
    assert (len(queue), queue.audio_s) == (1, 6.0)
    assert queue.push(ticket(4.0))


def test_a_ticket_that_comes_back_is_never_refused() -> None:
    """It was accepted before; the bound is for new ones."""
    queue = filled(ticket(10.0), limit_audio_s=10.0)
    queue.put_back(ticket(5.0))
    assert queue.audio_s == 15.0


def test_who_leaves_is_gone_at_once_and_leaves_once() -> None:
    """Its audio no longer counts, and it does not come up any more."""
    first, second = ticket(3.0), ticket(4.0)
    queue = filled(first, second)
    assert queue.remove(first)
    assert not queue.remove(first)
    assert queue.audio_s == 4.0
    assert queue.pop() is second


def test_those_whose_time_has_come_leave_and_the_others_stay() -> None:
    """A deadline is the first moment at which waiting is over."""
    late, later, much_later = ticket(deadline=5.0), ticket(deadline=3.0), ticket(deadline=9.0)
    queue = filled(late, later, much_later)
    assert queue.expire(2.9) == []
    assert queue.expire(5.0) == [later, late]
    assert queue.pop() is much_later


def test_a_new_deadline_counts_for_the_new_stay() -> None:
    """A ticket that comes back with more time is not ended by its old deadline."""
    one = ticket(deadline=3.0)
    queue = filled(one)
    assert queue.pop() is one
    one.deadline = 8.0
    queue.put_back(one)
    assert queue.expire(5.0) == []
    assert queue.expire(8.0) == [one]


def test_husks_do_not_pile_up() -> None:
    """Ten thousand that came and went leave no more than a handful of entries behind."""
    queue: Queue[Ticket] = Queue(10.0)
    for _ in range(10_000):
        one = ticket()
        assert queue.push(one)
        assert queue.remove(one)
    assert len(queue._by_order) + len(queue._by_deadline) < 200


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(1, 30)),
        st.tuples(st.sampled_from(["pop", "remove", "back", "expire"]), st.integers(0, 60)),
    ),
    max_size=60,
)


@settings(deadline=None)  # a busy machine is no defect
@given(STEPS)
def test_it_behaves_as_a_sorted_list_would(steps: list[tuple[str, int]]) -> None:
    """Whatever happens, it equals the obvious, slow implementation, and the sum of audio is exact."""
    queue: Queue[Ticket] = Queue(100.0)
    waiting: list[Ticket] = []
    out: list[Ticket] = []
    for step, number in steps:
        if step == "push":
            new = ticket(float(number), deadline=float(number * 7 % 60))
            fits = sum(each.audio_s for each in waiting) + number <= 100
            assert queue.push(new) is fits
            waiting += [new] if fits else []
        elif step == "pop":
            popped = queue.pop()
            assert popped is (min(waiting, key=lambda each: each.order or 0) if waiting else None)
            if popped is not None:
                waiting.remove(popped)
                out.append(popped)
        elif step == "remove" and waiting:
            leaver = waiting.pop(number % len(waiting))
            assert queue.remove(leaver)
            out.append(leaver)
        elif step == "back" and out:
            queue.put_back(returned := out.pop(number % len(out)))
            waiting.append(returned)
        elif step == "expire":
            overdue = [each for each in waiting if each.deadline <= number]
            assert set(queue.expire(float(number))) == set(overdue)
            waiting = [each for each in waiting if each.deadline > number]
        assert len(queue) == len(waiting)
        assert queue.audio_s == sum(each.audio_s for each in waiting)
