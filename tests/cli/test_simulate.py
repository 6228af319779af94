"""`harken simulate`: its table, JSON, picture and complaints."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from harken.cli.simulate import Asked, run
from harken.config import Config, FleetConfig
from harken.errors import ConfigError

ASKED = Asked(
    instances=4,
    slots=32,
    rtfx=100.0,
    requests=200,
    load=0.9,
    seed=1,
    trace=None,
    policies=("auto",),
    has_nginx=False,
    faults=(),
    restart_s=10.0,
    plot=None,
    as_json=False,
)


def test_the_arms_are_printed_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    """Nginx twice, and the policies that were asked for; all of them if none was."""
    assert run(Config(), dataclasses.replace(ASKED, policies=(), has_nginx=True)) == 0
    shown = capsys.readouterr().out
    assert "200 recordings, 4 instances of 32 slots, 90% of capacity" in " ".join(shown.split())
    for arm in ("nginx,", "auto", "round_robin", "consistent_hash"):
        assert any(line.strip().startswith(arm) for line in shown.splitlines()), arm


def test_json_has_the_same_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the picture is written beside."""
    plot = tmp_path / "plot.svg"
    run(Config(), dataclasses.replace(ASKED, as_json=True, plot=plot, faults=("kill:2@1",)))
    [row] = _rows(capsys)
    assert (row["name"], row["recordings"], row["failures"]) == ("auto", 200, 0)
    assert row["short_p99_s"] >= row["short_p50_s"] > 0
    assert plot.read_text().startswith("<svg")


def test_a_trace_is_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Instead of drawn recordings."""
    trace = tmp_path / "day.csv"
    trace.write_text("arrival_s,audio_s\n0,10\n1,10\n")
    run(Config(), dataclasses.replace(ASKED, as_json=True, trace=trace))
    [row] = _rows(capsys)
    assert (row["recordings"], row["short_p50_s"]) == (2, pytest.approx(0.1))


def test_an_arm_that_is_named_twice_is_simulated_once(capsys: pytest.CaptureFixture[str]) -> None:
    """It would give the same figures."""
    run(Config(), dataclasses.replace(ASKED, as_json=True, requests=10, policies=("auto", "auto")))
    assert len(_rows(capsys)) == 1


def test_weighted_policies_have_the_weights_of_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of nginx's arm are only for who gives none; and each simulated instance must have one."""
    asked = dataclasses.replace(ASKED, as_json=True, slots=4, policies=("weighted_round_robin",))
    found = []
    for weights in ("", "3,3,2,2", "9,1,1,1"):
        run(Config(fleet=FleetConfig(weights=weights)), asked)
        [row] = _rows(capsys)
        found.append((row["short_p50_s"], row["short_p99_s"]))
    assert found[0] == found[1] != found[2]
    with pytest.raises(ConfigError, match="2 weights for 4 instances"):
        run(Config(fleet=FleetConfig(weights="1,2")), asked)


def _rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    out = capsys.readouterr().out
    rows: list[dict[str, Any]] = json.loads(out[out.index("{\n") :])["rows"]  # what the log said comes before
    return rows


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"policies": ("fewest_inflight",)}, "fewest_in_flight"),
        ({"faults": ("kill:9@1",)}, "instances 1 to 4"),
        ({"load": 0.0}, "--load"),
        ({"load": math.inf}, "--load"),
        ({"rtfx": -1.0}, "--rtfx"),
        ({"rtfx": 1e-300}, "--rtfx"),
        ({"rtfx": math.nan}, "--rtfx"),
        ({"trace": Path("/no/such.csv")}, "/no/such.csv"),
        ({"plot": Path("/no/such/folder/a.svg")}, "cannot be written"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, Any], complaint: str) -> None:
    """In one line."""
    with pytest.raises(ConfigError, match=complaint):
        run(Config(), dataclasses.replace(ASKED, requests=10, **change))
