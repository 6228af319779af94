"""What is done with a supervised instance, as a table and as stories on a virtual clock."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.config import FleetConfig
from harken.fleet.phases import TABLE, Event, Phase, React
from harken.fleet.supervisor import Do, Supervision, is_abnormal

CONFIG = FleetConfig(start_retries=3, backoff_s=0.5, backoff_max_s=30.0)


def started(config: FleetConfig = CONFIG) -> Supervision:
    """An instance whose first process was just started."""
    supervision = Supervision(config)
    assert supervision.on(Event.DUE, 0.0).do is Do.START
    return supervision


def ready(config: FleetConfig = CONFIG) -> Supervision:
    """An instance that is ready since second 0."""
    supervision = started(config)
    supervision.on(Event.READY, 0.0)
    return supervision


def test_every_pair_of_phase_and_event_has_an_answer() -> None:
    """Also those that seem impossible: news of a process that is gone may come late."""
    assert set(TABLE) == set(itertools.product(Phase, Event))


def test_a_stopped_or_broken_instance_never_starts_again_by_itself() -> None:
    """An operator may want it again; else only stopping leads out of broken."""
    assert {event for event in Event if TABLE[Phase.STOPPED, event] is not React.IGNORE} == {Event.WANTED}
    assert {event for event in Event if TABLE[Phase.BROKEN, event] is not React.IGNORE} == {Event.STOP, Event.WANTED}


def test_a_crash_is_followed_by_a_restart_after_the_first_wait() -> None:
    """One crash costs half a second, not more."""
    supervision = ready()
    action = supervision.on(Event.EXITED, 5.0, exit_code=-9)
    assert (action.do, action.wait_s) == (Do.WAIT, 0.5)
    assert supervision.on(Event.DUE, 5.5).do is Do.START
    assert supervision.restarts == 1


def test_waits_double_up_to_the_longest() -> None:
    """An instance that crashes again and again right after it was ready is restarted for ever, ever more slowly."""
    supervision = ready()
    waits = []
    for _ in range(9):
        waits.append(supervision.on(Event.EXITED, 1.0, exit_code=1).wait_s)
        supervision.on(Event.DUE, 1.0)
        supervision.on(Event.READY, 1.0)
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_long_good_time_clears_the_record() -> None:
    """A crash a week keeps waiting half a second."""
    supervision = ready()
    for _ in range(4):
        supervision.on(Event.EXITED, 1.0, exit_code=1)
        supervision.on(Event.DUE, 1.0)
        supervision.on(Event.READY, 1.0)
    assert supervision.on(Event.EXITED, 1.0 + 61.0, exit_code=1).wait_s == 0.5


def test_starts_may_fail_three_times_and_the_fourth_is_the_verdict() -> None:
    """`start_retries = 3`: three failed starts are tried again, then it is broken at start, with the last reason."""
    supervision = started()
    for _ in range(3):
        assert supervision.on(Event.EXITED, 0.0, exit_code=1).do is Do.WAIT
        supervision.on(Event.DUE, 0.0)
    action = supervision.on(Event.EXITED, 0.0, exit_code=1, said="MemoryError")
    assert action.do is Do.GIVE_UP
    assert action.reason == "4 starts failed in a row. It ended with exit code 1: MemoryError"
    assert supervision.phase is Phase.BROKEN


def test_no_retries_means_that_the_first_failed_start_is_the_verdict() -> None:
    """`start_retries = 0`."""
    supervision = started(FleetConfig(start_retries=0))
    assert supervision.on(Event.EXITED, 0.0, exit_code=-11).do is Do.GIVE_UP


@pytest.mark.parametrize("exit_code", [2, 3])
def test_a_start_that_says_it_is_hopeless_is_not_tried_again(exit_code: int) -> None:
    """Exit code 2 or 3 at start: wrong configuration, the model is missing, the port is taken."""
    action = started().on(Event.EXITED, 0.0, exit_code=exit_code, said="asr-1: config_error: Port 7861 is in use.")
    assert action.do is Do.GIVE_UP
    assert "Port 7861 is in use" in action.reason


def test_exit_code_three_after_ready_is_a_crash_like_any_other() -> None:
    """It did start once, so it can."""
    assert ready().on(Event.EXITED, 1.0, exit_code=3).do is Do.WAIT


def test_being_ready_once_forgives_failed_starts() -> None:
    """Three failed starts, a ready one, a crash, three failed starts: no verdict yet."""
    supervision = started()
    for _ in range(2):
        for _ in range(3):
            assert supervision.on(Event.EXITED, 0.0, exit_code=1).do is Do.WAIT
            supervision.on(Event.DUE, 0.0)
        supervision.on(Event.READY, 0.0)
        assert supervision.on(Event.EXITED, 0.0, exit_code=1).do is Do.WAIT
        supervision.on(Event.DUE, 0.0)


@pytest.mark.parametrize("exit_code", [1, 2, 3, -9])
def test_who_was_ready_once_is_never_broken(exit_code: int) -> None:
    """Killed, and then its port is taken for an hour: tried again for ever, at most half a minute apart, and told."""
    supervision = ready()
    supervision.on(Event.EXITED, 1.0, exit_code=-9)
    for _ in range(100):
        supervision.on(Event.DUE, 2.0)
        action = supervision.on(Event.EXITED, 2.0, exit_code=exit_code, said="Port 7861 is in use.")
        assert action.do is Do.WAIT
    assert (action.wait_s, "Port 7861 is in use." in action.reason) == (CONFIG.backoff_max_s, True)


def test_a_start_that_ran_out_of_time_breaks_nobody_who_was_ready_once() -> None:
    """A disk that is slow today."""
    supervision = ready()
    supervision.on(Event.EXITED, 1.0, exit_code=-9)
    for _ in range(10):
        supervision.on(Event.DUE, 2.0)
        supervision.on(Event.OVERDUE, 3.0)
        assert supervision.on(Event.EXITED, 3.0, exit_code=-9).do is Do.WAIT


def test_a_process_that_could_not_be_created_for_want_of_anything_is_no_failed_start() -> None:
    """No descriptors left: not the instance's doing, however often; a missing program is."""
    supervision = started(FleetConfig(start_retries=0))
    for _ in range(10):
        assert supervision.on(Event.EXITED, 0.0, said="Too many open files", is_shortage=True).do is Do.WAIT
        supervision.on(Event.DUE, 0.0)
    assert supervision.on(Event.EXITED, 0.0, said="No such file or directory").do is Do.GIVE_UP


def test_what_is_lost_with_all_others_is_no_failed_start() -> None:
    """However often; and the reason is what happened, not how a process ended."""
    supervision = started()
    for _ in range(9):
        action = supervision.on(Event.EXITED, 0.0, said="The bridge is lost.", is_shortage=True, is_lost=True)
        assert (action.do, action.reason) == (Do.WAIT, "It was lost: The bridge is lost.")
        supervision.on(Event.DUE, 0.0)


def test_what_dies_with_its_place_again_and_again_is_broken() -> None:
    """It may be what kills it."""
    supervision = started()
    for _ in range(3):
        assert supervision.on(Event.EXITED, 0.0, said="The node died.", is_lost=True).do is Do.WAIT
        supervision.on(Event.DUE, 0.0)
    action = supervision.on(Event.EXITED, 0.0, said="The node died.", is_lost=True)
    assert (action.do, action.reason) == (Do.GIVE_UP, "4 starts failed in a row. It was lost: The node died.")


def test_each_restart_has_a_reason() -> None:
    """A crash's is what it said; that of one that was killed for its silence is its silence."""
    assert ready().on(Event.EXITED, 1.0, exit_code=-11, said="").reason == "It ended with signal 11: it said nothing."
    supervision = ready()
    supervision.on(Event.UNRESPONSIVE, 1.0)
    assert supervision.on(Event.EXITED, 1.0, exit_code=-9).reason == "It no longer answered, and was killed."


def test_a_silent_instance_is_killed_and_started_again() -> None:
    """Killed at once, without being asked: a stopped process hears nothing."""
    supervision = ready()
    assert supervision.on(Event.UNRESPONSIVE, 1.0).do is Do.KILL
    assert supervision.on(Event.UNRESPONSIVE, 1.0).do is Do.NOTHING
    assert supervision.on(Event.EXITED, 1.0, exit_code=-9).do is Do.WAIT


def test_an_instance_that_still_loads_is_not_killed_for_being_silent() -> None:
    """Only its time limit ends a start, and that counts as a failed one."""
    supervision = started()
    assert supervision.on(Event.UNRESPONSIVE, 1.0).do is Do.NOTHING
    assert supervision.on(Event.OVERDUE, 600.0).do is Do.KILL
    for _ in range(3):
        assert supervision.on(Event.EXITED, 600.0, exit_code=-9).do is Do.WAIT
        supervision.on(Event.DUE, 600.0)
        supervision.on(Event.OVERDUE, 1200.0)
    action = supervision.on(Event.EXITED, 1200.0, exit_code=-9)
    assert action.do is Do.GIVE_UP
    assert "did not become ready in time" in action.reason


def test_a_complaint_about_the_previous_process_does_not_hit_the_next() -> None:
    """It crashed, and only then somebody notices that it is silent."""
    supervision = ready()
    supervision.on(Event.EXITED, 1.0, exit_code=-9)
    assert supervision.on(Event.UNRESPONSIVE, 1.1).do is Do.NOTHING
    supervision.on(Event.DUE, 1.5)
    assert supervision.on(Event.UNRESPONSIVE, 1.6).do is Do.NOTHING


def test_stopping_asks_first_and_kills_later() -> None:
    """SIGTERM, then SIGKILL when that was not enough; its exit is the end."""
    supervision = ready()
    assert supervision.on(Event.STOP, 1.0).do is Do.TERMINATE
    assert supervision.on(Event.OVERDUE, 11.0).do is Do.KILL
    assert supervision.on(Event.EXITED, 11.0, exit_code=-9).do is Do.NOTHING
    assert supervision.phase is Phase.STOPPED


def test_stopping_between_two_starts_cancels_the_next_one() -> None:
    """There is no process to wait for."""
    supervision = ready()
    supervision.on(Event.EXITED, 1.0, exit_code=1)
    supervision.on(Event.STOP, 1.1)
    assert supervision.phase is Phase.STOPPED
    assert supervision.on(Event.DUE, 1.5).do is Do.NOTHING


def test_what_waits_for_its_next_start_on_a_device_that_is_given_up_is_broken() -> None:
    """Although it was ready once: that is the one verdict from which it does not come back by itself."""
    supervision = ready()
    supervision.on(Event.EXITED, 1.0, exit_code=-9)
    action = supervision.on(Event.CONDEMNED, 1.0, said="The device is given up.")
    assert (action.do, action.reason) == (Do.GIVE_UP, "The device is given up.")
    assert supervision.phase is Phase.BROKEN
    assert supervision.on(Event.DUE, 1.5).do is Do.NOTHING


@pytest.mark.parametrize("is_replaced", [False, True], ids=["crashed", "replaced"])
def test_what_runs_on_a_device_that_is_given_up_goes_on_until_it_fails(is_replaced: bool) -> None:
    """It serves; nobody takes that away. Its next start would be the one that is refused."""
    supervision = ready()
    assert supervision.on(Event.CONDEMNED, 1.0, said="The device is given up.").do is Do.NOTHING
    assert supervision.phase is Phase.READY
    if is_replaced:
        supervision.on(Event.UNRESPONSIVE, 2.0)
    action = supervision.on(Event.EXITED, 2.0, exit_code=-9)
    assert (action.do, action.reason) == (Do.GIVE_UP, "The device is given up.")


def test_a_start_that_a_given_up_device_does_not_let_in_is_broken() -> None:
    """It was asking when the verdict came; no process was created."""
    supervision = started()
    supervision.on(Event.CONDEMNED, 1.0, said="The device is given up.")
    assert supervision.on(Event.EXITED, 1.0).reason == "The device is given up."
    assert supervision.phase is Phase.BROKEN


@pytest.mark.parametrize(
    ("exit_code", "is_device"),
    [(-9, True), (-11, True), (1, True), (4, True), (0, False), (2, False), (3, False), (None, False)],
)
def test_only_an_abnormal_end_may_be_the_devices_fault(exit_code: int | None, is_device: bool) -> None:
    """A taken port, a wrong flag, an operator's SIGTERM and a missing program are not."""
    assert is_abnormal(exit_code) == is_device


@given(st.lists(st.sampled_from(list(Event)), max_size=60), st.integers(0, 3))
def test_there_is_at_most_one_process_whatever_happens(events: list[Event], retries: int) -> None:
    """A start is only ever asked for while no process exists, and every process is asked or heard to end."""
    supervision = Supervision(FleetConfig(start_retries=retries))
    exists = False
    for now, event in enumerate(events):
        if event is Event.EXITED:
            if not exists:
                continue
            exists = False
        action = supervision.on(event, float(now), exit_code=1)
        if action.do is Do.START:
            assert not exists
            exists = True
        alive = (Phase.STARTING, Phase.READY, Phase.KILLING, Phase.STOPPING)
        assert (supervision.phase in alive) == exists
