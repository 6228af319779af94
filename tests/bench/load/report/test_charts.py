"""Axes and lines."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from harken.bench.load.report.charts import HEIGHT, WIDTH, Chart, even_axis, legend, log_axis, text

POSITIVE = st.floats(1e-6, 1e9)


@given(st.lists(POSITIVE, min_size=1, max_size=5))
def test_an_axis_by_powers_holds_all_values_and_has_ticks(values: list[float]) -> None:
    """Whatever they are, also one value alone."""
    axis = log_axis("x", values)
    assert axis.low <= min(values) * 1.00001 and axis.high >= max(values) * 0.99999
    assert 2 <= len(axis.ticks) <= 20
    assert all(0 <= axis.part(value) <= 1 for value in values)


@given(POSITIVE, st.booleans())
def test_an_even_axis_begins_at_nothing_and_holds_its_highest(high: float, is_tight: bool) -> None:
    """With some four ticks."""
    axis = even_axis("x", high, is_tight=is_tight)
    assert axis.low == 0 and axis.high >= high * 0.99999 and 2 <= len(axis.ticks) <= 7


@given(st.lists(st.tuples(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12)), min_size=1, max_size=5))
def test_nothing_is_drawn_outside(points: list[tuple[float, float]]) -> None:
    """Values beyond the ends are at the end."""
    chart = Chart(title="t", x=even_axis("x", 10), y=log_axis("y", [1, 100]))
    chart.line(points, 7, has_dots=True)
    for x, y in (chart.at(*point) for point in points):
        assert 0 <= x <= WIDTH and 0 <= y <= HEIGHT


def test_a_picture_is_well_formed_whatever_its_words_are() -> None:
    """Names are text."""
    chart = Chart(title='<a> & "b"', x=even_axis("<x>", 0), y=even_axis("&", 5))
    chart.line([(0, 0), (1, 5)], 0)
    chart.columns([(0, 3), (1, 0)], 1, "fill")
    chart.mark(0.9, "<k>")
    chart.limit(4, "&")
    chart.limit(400, "beyond")
    found = ET.fromstring(chart.svg())
    assert "beyond" not in "".join(found.itertext()) and "<k>" in "".join(found.itertext())
    assert len(re.findall("<rect", chart.svg())) == 1


def test_text_is_escaped_and_printable() -> None:
    """Whatever a server called itself."""
    assert text("<b>\x00&\u2028\ud800") == "&lt;b&gt;&amp;"


def test_one_line_needs_no_legend_and_the_seventh_is_dashed() -> None:
    """Colours are used again."""
    assert legend(["a"]) == ""
    assert 's0 again"' in legend([str(number) for number in range(7)])
