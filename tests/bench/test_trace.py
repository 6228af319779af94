"""Reading traces, and refusing what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from harken.bench.trace import read_trace
from harken.bench.workload import Arrival
from harken.errors import ConfigError
from harken.types import Priority

EXPECTED = (
    Arrival(at_s=0.0, audio_s=3.5),
    Arrival(at_s=2.0, audio_s=60.0, key="team-a", priority=Priority.BATCH),
)


def test_json_lines_and_csv_say_the_same(tmp_path: Path) -> None:
    """Sorted, and beginning at 0; keys and classes where they are known."""
    lines, table = tmp_path / "trace.jsonl", tmp_path / "trace.csv"
    lines.write_text(
        '{"arrival_s": 102, "audio_s": 60, "key": "team-a", "priority": "batch"}\n\n{"arrival_s": 100, "audio_s": 3.5}'
    )
    table.write_text("audio_s,arrival_s,key,priority\n60,102,team-a,batch\n3.5,100,,\n")
    assert read_trace(lines) == read_trace(table) == EXPECTED
    sheet = tmp_path / "Sheet.CSV"
    sheet.write_text("\ufeff" + table.read_text())
    assert read_trace(sheet) == EXPECTED


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ('{"arrival_s": 1}', r"line 1: audio_s is None"),
        ('{"arrival_s": 1, "audio_s": 0}', "not a number above 0"),
        ('{"arrival_s": "soon", "audio_s": 1}', "arrival_s is 'soon'"),
        ('{"arrival_s": 1, "audio_s": Infinity}', "audio_s is inf"),
        (
            '{"arrival_s": 1, "audio_s": 1}\n{"arrival_s": 1, "audio_s": 1, "lenght": 2}',
            "line 2: unknown field 'lenght'",
        ),
        ('{"arrival_s": 1, "audio_s": 1, "priority": "urgent"}', "'urgent'"),
        ('{"arrival_s": 1, "audio_s": 1e9}', "more than 86400"),
        ('{"arrival_s": 1, "audio_s": 1%s}' % ("0" * 400), "not a number above 0"),
        ('{"arrival_s": 0, "audio_s": 1}\n{"arrival_s": 1e12, "audio_s": 1}', "longer than a month"),
        ("[1, 2]", "line 1: not a JSON object"),
        ("{", "line 1: not a JSON object"),
    ],
)
def test_a_wrong_line_is_named(text: str, complaint: str, tmp_path: Path) -> None:
    """A trace that was read wrongly would give figures that look right."""
    path = tmp_path / "trace.jsonl"
    path.write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        read_trace(path)


def test_a_trace_that_is_not_there_is_an_error_in_one_line(tmp_path: Path) -> None:
    """As is one that is no text, or a row with too many cells."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "wide.csv").write_text("arrival_s,audio_s\n1,2,3\n")
    with pytest.raises(ConfigError, match="line 2 has more cells"):
        read_trace(tmp_path / "wide.csv")
    for name in ("nowhere.csv", "binary", "wide.csv"):
        with pytest.raises(ConfigError):
            read_trace(tmp_path / name)
