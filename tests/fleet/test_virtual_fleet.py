"""Instances of a simulated day."""

from __future__ import annotations

from harken.fleet.virtual_fleet import Kind, VirtualFleet

KIND = Kind(pace=10.0, slots=2, start_s=20.0)


def test_a_slot_has_its_even_part_of_the_pace() -> None:
    """Two slots of an instance that does 10 s per second: 30 s of audio take 6 s in one of them."""
    assert KIND.run_s(30.0) == 6.0


def test_the_emptiest_instance_gets_the_next_segment_until_all_slots_are_taken() -> None:
    """One that starts gets none."""
    fleet = VirtualFleet(KIND, 2)
    [new] = fleet.scale(3, 0.0)
    claimed = [fleet.claim(0.0) for _ in range(5)]
    assert claimed[4] is None and new not in claimed
    assert [instance.running for instance in claimed if instance] == [2, 2, 2, 2]
    assert (fleet.ready, fleet.starting, fleet.in_flight) == (2, 1, 4)
    fleet.end_start(new, 20.0)
    assert fleet.claim(20.0) is new


def test_one_that_is_let_go_finishes_what_it_has_and_costs_until_then() -> None:
    """It takes nothing more, and its slots no longer count."""
    fleet = VirtualFleet(KIND, 2)
    first, second = fleet.claim(0.0), fleet.claim(0.0)
    assert first is not None and second is not None
    fleet.scale(1, 10.0)
    assert (fleet.ready, fleet.in_flight, fleet.wanted) == (1, 1, 1)
    assert fleet.claim(10.0) is first and fleet.claim(10.0) is None
    fleet.release(second, 15.0)
    fleet.advance(20.0)
    assert fleet.instance_s == 2 * 15.0 + 1 * 5.0
    assert (fleet.busy_slot_s, fleet.slot_s) == (10 * 2 + 10 * 2, 10 * 4 + 10 * 2)


def test_one_that_is_let_go_while_it_starts_is_gone_at_once() -> None:
    """Its start ends for nobody."""
    fleet = VirtualFleet(KIND, 1)
    [new] = fleet.scale(2, 0.0)
    fleet.scale(1, 5.0)
    fleet.end_start(new, 20.0)
    assert (fleet.ready, fleet.starting) == (1, 0)
    assert fleet.instance_s == 5.0 * 2 + 15.0
