"""Lines and columns as SVG inside a page: an area with two axes, and what is drawn into it. Pure.

Drawn by hand, since a plotting library would be the largest dependency of the project. Colours are classes of the
page's style (`s0` to `s5`), so that one picture is right on light, on dark and on paper. The invariant: nothing is
drawn outside of its area, whatever the values are, and every picture has a title for those who cannot see it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

from harken.bench.load.sse import printable

WIDTH, HEIGHT = 720.0, 280.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 74.0, 20.0, 14.0, 42.0
SERIES = 6
"""Colours; the seventh line has the first one's, dashed."""

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """One axis.

    Attributes:
        name: what is on it, with its unit.
        low: its smallest value.
        high: its largest.
        is_log: logarithmic; both ends are above 0.
        ticks: values and what is written at them.
    """

    name: str
    low: float
    high: float
    is_log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()

    def part(self, value: float) -> float:
        """Where a value is between the ends, 0 to 1; what is beyond is at the end."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, at = math.log10(low), math.log10(high), math.log10(at)
        return (at - low) / (high - low) if high > low else 0.5


def even_axis(name: str, high: float, *, unit: Callable[[float], str] = "{:g}".format, is_tight: bool = False) -> Axis:
    """An axis from 0 with some four round ticks; a tight one ends where the values do."""
    high = high if high > 0 else 1.0
    step = 10 ** math.floor(math.log10(high / 4))
    step = next(step * factor for factor in (1, 2, 2.5, 5, 10) if high / (step * factor) <= 5)
    top = math.ceil(high / step - 1e-9) * step
    ticks = tuple((place * step, unit(float(f"{place * step:.6g}"))) for place in range(round(top / step) + 1))
    if is_tight:
        return Axis(name=name, low=0.0, high=high, ticks=tuple(tick for tick in ticks if tick[0] <= high))
    return Axis(name=name, low=0.0, high=top, ticks=ticks)


def log_axis(name: str, values: Sequence[float], *, unit: Callable[[float], str] = "{:g}".format) -> Axis:
    """An axis by powers of ten, with two and five between where there are few."""
    positive = [value for value in values if value > 0] or [0.1, 1.0]
    low, high = min(positive), max(positive)
    steps = (1, 2, 5) if high / low < 1e3 else (1,)
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    marks = [float(f"{step * 10.0**power:.6g}") for power in powers for step in steps]
    first = max(mark for mark in marks if mark <= low * 1.000001)
    last = min(mark for mark in marks if mark >= high * 0.999999 and mark > first)
    ticks = tuple((mark, unit(mark)) for mark in marks if first <= mark <= last)
    return Axis(name=name, low=first, high=last, is_log=True, ticks=ticks)


@dataclass(kw_only=True, slots=True)
class Chart:
    """A picture that is being drawn.

    Attributes:
        title: for those who cannot see it.
        x: from left to right.
        y: from bottom to top.
        height: of the whole, in its own units.
    """

    title: str
    x: Axis
    y: Axis
    height: float = HEIGHT
    _parts: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> Point:
        """Where a value is drawn."""
        return (
            _LEFT + self.x.part(x) * (WIDTH - _LEFT - _RIGHT),
            self.height - _BOTTOM - self.y.part(y) * (self.height - _TOP - _BOTTOM),
        )

    def line(self, points: Sequence[Point], series: int, *, has_dots: bool = False) -> None:
        """Draw a line through points."""
        placed = [self.at(x, y) for x, y in points]
        if len(placed) > 1:
            way = "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
            self._parts.append(f'<path class="line {colour(series)}" d="M{way}"/>')
        if has_dots or len(placed) == 1:
            self._parts += [
                f'<circle class="dot {colour(series)}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in placed
            ]

    def columns(self, points: Sequence[Point], width: float, name: str) -> None:
        """Draw a column from the bottom up to each point, so many values of x wide."""
        for x, y in points:
            left, top = self.at(x, y)
            right, bottom = self.at(x + width, self.y.low)
            if bottom - top > 0:
                self._parts.append(
                    f'<rect class="{name}" x="{left:.1f}" y="{top:.1f}" width="{max(right - left - 1, 1):.1f}" '
                    f'height="{bottom - top:.1f}"/>'
                )

    def mark(self, x: float, words: str) -> None:
        """Draw an upright line with a word."""
        left, top = self.at(x, self.y.high)
        _, bottom = self.at(x, self.y.low)
        is_right = self.x.part(x) > 0.8
        self._parts.append(f'<path class="mark" d="M{left:.1f} {top:.1f}V{bottom:.1f}"/>')
        self._parts.append(_text(left + (-6 if is_right else 6), top + 10, words, "end" if is_right else "start"))

    def limit(self, y: float, words: str) -> None:
        """Draw a level line with a word; nothing where it is outside."""
        if self.y.low <= y <= self.y.high:
            left, top = self.at(self.x.low, y)
            right, _ = self.at(self.x.high, y)
            self._parts.append(f'<path class="mark" d="M{left:.1f} {top:.1f}H{right:.1f}"/>')
            self._parts.append(_text(left + 6, top - 5, words, "start"))

    def svg(self) -> str:
        """The picture."""
        return "".join(
            [
                f'<div class="scroll" tabindex="0"><svg viewBox="0 0 {WIDTH:.0f} {self.height:.0f}" role="img">',
                f"<title>{text(self.title)}</title>",
                *self._grid(),
                *self._parts,
                "</svg></div>",
            ]
        )

    def _grid(self) -> list[str]:
        parts = []
        right, bottom = self.at(self.x.high, self.y.low)
        for value, word in self.y.ticks:
            left, at = self.at(self.x.low, value)
            parts.append(f'<path class="grid" d="M{left:.1f} {at:.1f}H{right:.1f}"/>')
            parts.append(_text(left - 8, at + 4, word, "end"))
        for value, word in self.x.ticks:
            at, _ = self.at(value, self.y.low)
            parts.append(f'<path class="grid" d="M{at:.1f} {bottom:.1f}v5"/>')
            parts.append(_text(at, bottom + 18, word, "middle"))
        parts.append(_text((_LEFT + WIDTH - _RIGHT) / 2, self.height - 6, self.x.name, "middle"))
        parts.append(
            f'<text transform="translate(13 {(self.height - _BOTTOM + _TOP) / 2:.1f}) rotate(-90)" '
            f'text-anchor="middle">{text(self.y.name)}</text>'
        )
        return parts


def colour(series: int) -> str:
    """The class of a line's colour."""
    return f"s{series % SERIES}" + (" again" if series >= SERIES else "")


def legend(names: Sequence[str]) -> str:
    """What each colour is, as HTML."""
    if len(names) < 2:
        return ""
    items = "".join(
        f'<li><svg viewBox="0 0 22 10" aria-hidden="true"><path class="line {colour(place)}" d="M1 5H21"/></svg>'
        f"{text(name)}</li>"
        for place, name in enumerate(names)
    )
    return f'<ul class="legend">{items}</ul>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text(words)}</text>'


def text(value: object) -> str:
    """Anything as text in a page: escaped, and without what no page may hold."""
    return escape(printable(str(value)))
