"""The picture of a comparison."""

from __future__ import annotations

import dataclasses
from xml.etree import ElementTree

from harken.bench.plot import Axis, draw
from harken.bench.score import Score

ROW = dataclasses.replace(
    Score().row("auto", simulated_s=1.0, took_s=1.0),
    short_p50_s=0.1,
    short_p95_s=0.4,
    short_p99_s=0.5,
    long_p95_s=9.0,
)


def test_every_arm_is_a_line_with_its_name_and_its_failures() -> None:
    """Well-formed, whatever it is called."""
    rows = [ROW, dataclasses.replace(ROW, name="<nginx> & co", long_p95_s=None, failures=7)]
    svg = ElementTree.fromstring(draw(rows, "90 % & more"))
    texts = [element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert {"90 % & more", "auto", "<nginx> & co", "7 failed"} <= set(texts)
    assert len(list(svg.iter("{http://www.w3.org/2000/svg}circle"))) == 6


def test_nothing_can_be_drawn_too() -> None:
    """A trace without short clips has no such latencies."""
    ElementTree.fromstring(draw([Score().row("auto", simulated_s=0.0, took_s=0.0)], ""))


def test_the_axis_is_logarithmic() -> None:
    """Ten times as much is always as far."""
    axis = Axis(0.1, 10.0)
    assert axis.x(1.0) - axis.x(0.1) == axis.x(10.0) - axis.x(1.0) > 0
