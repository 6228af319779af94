"""From named recordings to takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harken.bench.load.reading import read_takes
from harken.bench.load.takes import Take
from harken.errors import ConfigError
from tests.bench.load.making import a_take


def _read(*paths: Path, limit: int | None = None, seed: int = 1, keeps_files: bool = False) -> list[Take]:
    return read_takes(paths, limit=limit, seed=seed, keeps_files=keeps_files)


def _write(path: Path, seconds: float) -> Path:
    path.write_bytes(a_take(seconds).wav(0))
    return path


def test_without_paths_the_packaged_recordings_are_read() -> None:
    """All of them short."""
    takes = _read()
    assert len(takes) == 24 and {take.kind for take in takes} == {"short"}


@pytest.mark.slow
def test_a_limit_draws_by_the_seed(tmp_path: Path) -> None:
    """The same seed draws the same."""
    for number in range(10):
        _write(tmp_path / f"{number}.wav", 0.1)
    draws = [[take.name for take in _read(tmp_path, limit=3, seed=seed)] for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    assert all(len(draw) == 3 and draw == sorted(draw) for draw in draws)
    assert len(_read(limit=5)) == 5


def test_classes_are_by_length(tmp_path: Path) -> None:
    """Short below half a minute, then medium."""
    takes = _read(_write(tmp_path / "a.wav", 29.9), _write(tmp_path / "b.wav", 30.0))
    assert [take.kind for take in takes] == ["short", "medium"]


def test_a_part_of_a_file_is_cut_out(tmp_path: Path) -> None:
    """And never sent as the whole file."""
    _write(tmp_path / "a.wav", 3.0)
    rows = [{"audio": "a.wav", "offset": 1, "duration": 0.5, "text": "one"}, {"audio": "a.wav", "duration": 3}]
    (tmp_path / "m.json").write_text(json.dumps(rows), encoding="utf-8")
    part, whole = _read(tmp_path / "m.json", keeps_files=True)
    assert (part.audio_s, part.text, part.data) == (0.5, "one", b"")
    assert (whole.audio_s, bool(whole.data)) == (3.0, True)


def test_a_part_beyond_the_end_is_an_error(tmp_path: Path) -> None:
    """It would be sent as nothing."""
    _write(tmp_path / "a.wav", 1.0)
    (tmp_path / "m.json").write_text('{"audio": "a.wav", "offset": 5}', encoding="utf-8")
    with pytest.raises(ConfigError, match="there is no sound from 5 s on"):
        _read(tmp_path / "m.json")


@pytest.mark.slow
def test_what_cannot_be_read_or_decoded_is_named(tmp_path: Path) -> None:
    """One file of a folder is enough."""
    (tmp_path / "a.wav").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match=r"a\.wav: "):
        _read(tmp_path)
    with pytest.raises(ConfigError, match=r"absent\.wav: cannot be read: No such file"):
        _read(tmp_path / "absent.wav")


def test_more_than_memory_holds_is_refused(tmp_path: Path) -> None:
    """With what would help."""
    _write(tmp_path / "a.wav", 2.0)
    with pytest.raises(ConfigError, match="--limit"):
        read_takes([tmp_path], limit=None, seed=1, keeps_files=False, audio_most_s=1.0)
