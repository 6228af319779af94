"""Rules of harken.testing.gate."""

from __future__ import annotations

import threading

from harken.testing import Gate


def _passing(gate: Gate, passed: list[int], count: int) -> threading.Thread:
    def run() -> None:
        for number in range(count):
            gate.pass_through()
            passed.append(number)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_as_many_steps_pass_as_are_let_through() -> None:
    """The next one stands in front of it until it is opened for all."""
    gate = Gate()
    passed: list[int] = []
    thread = _passing(gate, passed, 5)
    gate.wait_until_used_up()
    assert gate.is_used_up
    assert passed == []
    gate.let_through(2)
    gate.wait_until_used_up()
    assert passed == [0, 1]
    gate.open()
    thread.join(10)
    assert passed == [0, 1, 2, 3, 4]
    assert not gate.is_used_up


def test_a_gate_that_was_opened_stays_open() -> None:
    """Permits are not counted any more."""
    gate = Gate()
    gate.open()
    passed: list[int] = []
    _passing(gate, passed, 100).join(10)
    assert len(passed) == 100
