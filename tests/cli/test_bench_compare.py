"""`harken bench --compare`: two files side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harken.bench.load.saved import as_dict
from harken.cli.bench_compare import read_saved, run
from harken.errors import ConfigError
from tests.bench.load.making import a_run, a_step, an_outcome


def _file(path: Path, factor: float) -> Path:
    outcomes = [an_outcome(factor * (0.1 + number % 7 / 100), due_s=number / 10) for number in range(200)]
    path.write_text(json.dumps(as_dict(a_run([a_step(outcomes)]))), encoding="utf-8")
    return path


@pytest.mark.slow
def test_what_became_slower_is_shown_and_fails_where_that_is_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 with --fail-above alone, and never for what became faster."""
    old, new = _file(tmp_path / "old.json", 1.0), _file(tmp_path / "new.json", 1.5)
    assert run(old, new, fail_above=None, as_json=False) == 0
    assert "worse" in capsys.readouterr().out
    assert run(old, new, fail_above=0.2, as_json=True) == 1
    found = json.loads(capsys.readouterr().out)["differences"]
    mean = next(one for one in found if one["figure"] == "mean")
    assert mean["fails"] and mean["ratio"] == pytest.approx(1.5, abs=0.01) and mean["class"] == "short"
    assert run(old, new, fail_above=0.9, as_json=False) == 0
    assert run(new, old, fail_above=0.0, as_json=False) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"),
        ("[]", "is no report of harken bench; write one with --save FILE"),
        ('{"object": "harken.bench"}', "is not as harken bench writes it: 'timeline'"),
        ('{"object": "harken.bench", "timeline": 3}', "is not as harken bench writes it"),
    ],
)
def test_what_is_no_report_is_named(tmp_path: Path, text: str, words: str) -> None:
    """Whatever it is instead."""
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_saved(tmp_path / "a.json")
    assert words in caught.value.message and "a.json" in caught.value.message


def test_a_report_that_is_not_there_and_a_share_that_is_none_are_errors(tmp_path: Path) -> None:
    """Before anything is printed."""
    with pytest.raises(ConfigError, match="cannot be read"):
        read_saved(tmp_path / "a.json")
    with pytest.raises(ConfigError, match="--fail-above"):
        run(tmp_path / "a.json", tmp_path / "a.json", fail_above=float("nan"), as_json=False)
