"""A comparison as a picture: one line per arm, latencies on a logarithmic axis, as an SVG file.

Pure: rows in, text out. Drawn by hand because it is forty lines, and a plotting library would be the largest dependency
of the project. Invariant: the text is well-formed XML whatever the arms are called.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from harken.bench.score import Row

_LEFT, _TOP, _ROW, _WIDTH = 190.0, 54.0, 30.0, 860.0
_SHORT, _LONG, _FAILED, _GREY = "#1f6feb", "#d29922", "#cf222e", "#8c959f"


def draw(rows: Sequence[Row], title: str) -> str:
    """Draw short clips' p50 to p99 as a line with three dots, long files' p95 as a square, failures as a number."""
    values = [value for row in rows for value in (*_short(row), row.long_p95_s) if value is not None and value > 0]
    axis = Axis(min(values, default=0.1), max(values, default=1.0))
    height = _TOP + _ROW * len(rows) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:.0f} {height:.0f}" font-family="sans-serif" '
        'font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        _text(10, 20, title, size=15),
        _text(10, 38, "blue: short clips, p50, p95 and p99 · yellow: files from 5 min, p95 · seconds", colour=_GREY),
    ]
    parts += _grid(axis, height)
    for place, row in enumerate(rows):
        parts += _line(row, axis, _TOP + _ROW * (place + 0.5))
    return "\n".join([*parts, "</svg>\n"])


class Axis:
    """A logarithmic axis over whole powers of ten.

    Args:
        low: the smallest value.
        high: the largest.
    """

    def __init__(self, low: float, high: float) -> None:
        self.first = math.floor(math.log10(low))
        self.last = max(math.ceil(math.log10(high)), self.first + 1)

    def x(self, value: float) -> float:
        """Where a value is drawn."""
        part = (math.log10(max(value, 10.0**self.first)) - self.first) / (self.last - self.first)
        return _LEFT + part * (_WIDTH - _LEFT - 70)


def _short(row: Row) -> tuple[float | None, float | None, float | None]:
    return row.short_p50_s, row.short_p95_s, row.short_p99_s


def _grid(axis: Axis, height: float) -> list[str]:
    parts = []
    for power in range(axis.first, axis.last + 1):
        x = axis.x(10.0**power)
        parts.append(f'<path d="M{x:.1f} {_TOP - 6:.1f}V{height - 30:.1f}" stroke="#d0d7de"/>')
        parts.append(_text(x, height - 14, f"{10.0**power:g} s", anchor="middle", colour=_GREY))
    return parts


def _line(row: Row, axis: Axis, y: float) -> list[str]:
    parts = [_text(_LEFT - 12, y + 4, row.name, anchor="end")]
    points = [axis.x(value) for value in _short(row) if value is not None]
    if points:
        parts.append(f'<path d="M{points[0]:.1f} {y:.1f}H{points[-1]:.1f}" stroke="{_SHORT}" stroke-width="3"/>')
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{_SHORT}"/>' for x in points]
    if row.long_p95_s is not None:
        x = axis.x(row.long_p95_s)
        parts.append(f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" fill="{_LONG}"/>')
    if row.failures:
        parts.append(_text(_WIDTH - 10, y + 4, f"{row.failures} failed", anchor="end", colour=_FAILED))
    return parts


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", colour: str = "#1f2328") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
    )
