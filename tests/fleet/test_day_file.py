"""Days of load from files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harken.bench.workload import Arrival
from harken.errors import ConfigError
from harken.fleet.day_file import read_day


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_minutes_become_recordings_that_are_spread_over_them(tmp_path: Path) -> None:
    """So many as it says, else clips of ten seconds; a minute without audio has none."""
    table = _write(tmp_path, "day.csv", "minute,audio_s,requests\n0,40,2\n1,0,\n2,25,\n")
    lines = _write(tmp_path, "day.jsonl", '{"minute":2,"audio_s":25}\n\n{"minute":0,"audio_s":40,"requests":2}\n')
    expected = [(0.0, 20.0), (30.0, 20.0), (120.0, 25 / 3), (140.0, 25 / 3), (160.0, 25 / 3)]
    for path in (table, lines):
        found = read_day(path)
        assert [arrival.at_s for arrival in found] == pytest.approx([at_s for at_s, _ in expected])
        assert [arrival.audio_s for arrival in found] == pytest.approx([audio_s for _, audio_s in expected])


def test_the_gateways_log_is_a_day(tmp_path: Path) -> None:
    """Its requests came so long before their end as they took; all else in it is passed over."""
    events = [
        {"event": "gateway.ready", "timestamp": "2026-01-02T08:00:00Z"},
        {"event": "request.done", "timestamp": "2026-01-02T08:10:30.500000Z", "audio_s": 12.5, "wall_s": 20.5},
        {"event": "request.done", "timestamp": "2026-01-02T08:10:05+00:00", "audio_s": 3, "wall_s": 1},
        {"event": "request.done", "timestamp": "2026-01-02T08:10:05Z", "audio_s": 0.0, "wall_s": 1},
    ]
    text = "Starting harken\n" + "\n".join(json.dumps(event) for event in events) + "\nlog.dropped: 3 lines\n[1]\n"
    expected = (Arrival(at_s=0.0, audio_s=3.0), Arrival(at_s=6.0, audio_s=12.5))
    assert read_day(_write(tmp_path, "gateway.log", text)) == expected


def test_a_trace_of_the_simulator_is_a_day(tmp_path: Path) -> None:
    """The same file serves `harken simulate --trace`."""
    assert read_day(_write(tmp_path, "day.csv", "arrival_s,audio_s\n5,3\n")) == (Arrival(at_s=0.0, audio_s=3.0),)
    assert read_day(_write(tmp_path, "day.jsonl", '{"arrival_s":5,"audio_s":3}')) == (Arrival(at_s=0.0, audio_s=3.0),)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("day.csv", "", "is empty"),
        ("day.jsonl", "nothing of the kind\n", "line 1: not a JSON object"),
        ("day.csv", "minute,audio_s\n0,0\n", "has no minute with audio"),
        ("day.csv", "minute,audio_s\n0,many\n", "line 2: audio_s is 'many'"),
        ("day.csv", "minute,audio_s\n-1,1\n", "line 2: minute is '-1'"),
        ("day.csv", "minute,audio_s\n0,nan\n", "line 2: audio_s is 'nan'"),
        ("day.csv", "minute,audio_s\n1e9,1\n", "line 2: minute"),
        ("day.csv", "minute,audio_s,requests\n0,60,0\n", "line 2: 60 s of audio in 0 recordings"),
        ("day.csv", "minute,audio_s,requests\n0,1000000,1\n", "line 2: 1e.06 s of audio in 1 recordings"),
        ("day.csv", "minute,audio_s,clips\n0,60,1\n", "line 2: unknown field 'clips'"),
        ("day.csv", "minute,audio_s\n0,60,1\n", "more cells"),
        ("day.csv", "minute,audio_s\n0,60\n1,9999999\n", "more than 1,000,000 recordings"),
        ("day.jsonl", '{"minute":0,"audio_s":true}\n', "line 1: audio_s is True"),
        ("day.jsonl", '{"minute":0,"audio_s":1}\nand\n', "line 2: not a JSON object"),
        ("g.log", '{"event":"gateway.ready"}\n', "no request.done event"),
        ("g.log", '{"event":"request.done","audio_s":3,"timestamp":"soon"}\n', "line 1: timestamp is 'soon'"),
        ("g.log", '{"event":"request.done","timestamp":"2026-01-02T08:00:00Z"}\n', "line 1: audio_s is None"),
    ],
)
def test_a_wrong_day_is_named_with_its_line(name: str, text: str, complaint: str, tmp_path: Path) -> None:
    """A day that was read wrongly would give figures that look right."""
    with pytest.raises(ConfigError, match=complaint):
        read_day(_write(tmp_path, name, text))


def test_a_day_that_cannot_be_read_is_an_error_in_one_line(tmp_path: Path) -> None:
    """Not there, a folder, something without an end, or bytes that are no text."""
    (tmp_path / "binary.jsonl").write_bytes(bytes(range(256)))
    for path in (tmp_path / "nowhere.csv", tmp_path, Path("/dev/zero"), tmp_path / "binary.jsonl"):
        with pytest.raises(ConfigError, match=path.name):
            read_day(path)
