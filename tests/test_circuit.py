"""When something that failed is tried again."""

from __future__ import annotations

from harken.circuit import Circuit


def test_after_a_failure_nobody_tries_for_a_while() -> None:
    """A dead server costs one failure in each rest."""
    circuit = Circuit(5.0)
    assert circuit.may_try(0.0)
    circuit.fail(1.0)
    assert not circuit.may_try(5.9)


def test_one_try_goes_first() -> None:
    """While its outcome is open, nobody else tries."""
    circuit = Circuit(5.0)
    circuit.fail(0.0)
    assert circuit.may_try(5.0)
    assert not circuit.may_try(5.0)
    assert circuit.succeed()
    assert circuit.may_try(5.1)
    assert not circuit.succeed()


def test_an_answer_that_was_on_its_way_when_it_failed_ends_nothing() -> None:
    """A server that was killed may have answered somebody just before."""
    circuit = Circuit(5.0)
    assert circuit.may_try(0.0)
    assert circuit.may_try(0.0)
    circuit.fail(1.0)
    assert not circuit.succeed()
    assert circuit.is_open
    assert not circuit.may_try(1.0)


def test_a_try_that_never_came_back_is_followed_by_another() -> None:
    """Its asker may have been cancelled; the way in must not stay shut for ever."""
    circuit = Circuit(5.0)
    circuit.fail(0.0)
    assert circuit.may_try(5.0)
    assert circuit.may_try(10.0)


def test_failures_that_come_together_are_one_line_in_the_log() -> None:
    """A hundred askers may be waiting when it dies."""
    circuit = Circuit(5.0)
    assert [circuit.fail(0.1 * number) for number in range(5)] == [True, False, False, False, False]
    assert circuit.fail(5.1)


def test_of_a_failure_that_nobody_looked_into_since_nobody_knows() -> None:
    """Without traffic nobody asks, and nothing is said of a server that came back long ago."""
    circuit = Circuit(5.0)
    assert not circuit.has_failed(0.0)
    circuit.fail(0.0)
    assert circuit.has_failed(9.9)
    assert not circuit.has_failed(10.0)
    assert circuit.is_open
