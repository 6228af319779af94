"""What operators decided, and when it still counts."""

from __future__ import annotations

import dataclasses
import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.config import AutoscaleConfig, Config, FleetConfig, GatewayConfig, InstanceConfig
from harken.fleet.wanted import Wanted, configured, describe, read_file, recall, write_file

CONFIG = Config(fleet=FleetConfig(instances=4), instance=InstanceConfig(model="digits"))
DECIDED = Wanted(instances=6, model="/models/new", stopped=("asr-2",))


def test_a_decision_counts_while_the_configuration_says_the_same() -> None:
    """As after a restart of the gateway."""
    assert recall(CONFIG, describe(CONFIG, DECIDED)) == DECIDED


@pytest.mark.parametrize(
    "edited",
    [
        Config(fleet=FleetConfig(instances=5), instance=InstanceConfig(model="digits")),
        Config(fleet=FleetConfig(instances=4), instance=InstanceConfig(model="stub")),
        dataclasses.replace(CONFIG, autoscale=AutoscaleConfig(mode="on")),
    ],
)
def test_whoever_edits_the_configuration_is_obeyed(edited: Config) -> None:
    """Then the decision was made for something else."""
    assert recall(edited, describe(CONFIG, DECIDED)) == configured(edited)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"instances": -1},
        {"instances": True},
        {"instances": "6"},
        {"instances": 10**9},
        {"model": 7},
        {"stopped": "asr-1"},
        {"stopped": [1]},
        {"stopped": ["../etc"]},
        {"stopped": ["asr-0"]},
        {"autoscale": None},
    ],
)
def test_a_decision_that_cannot_have_been_made_is_none(spoilt: dict[str, object]) -> None:
    """Somebody wrote into the file."""
    kept = json.loads(describe(CONFIG, DECIDED))
    kept["wanted"].update(spoilt)
    assert recall(CONFIG, json.dumps(kept)) == configured(CONFIG)


@pytest.mark.parametrize(
    ("gateway", "first", "is_kept"), [(7860, 7861, True), (8006, 8000, False), (7860, 65_531, False), (7860, 0, True)]
)
def test_a_decision_for_which_there_are_no_ports_any_more_is_none(gateway: int, first: int, is_kept: bool) -> None:
    """A gateway that cannot start because of what was once decided would have to be mended by hand."""
    config = dataclasses.replace(
        CONFIG, gateway=GatewayConfig(port=gateway), fleet=FleetConfig(instances=4, first_port=first)
    )
    assert (recall(config, describe(config, DECIDED)) == DECIDED) is is_kept


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
@pytest.mark.slow
def test_nonsense_counts_as_no_decision(text: str) -> None:
    """Whatever lies in the file, the gateway starts."""
    assert recall(CONFIG, text) == configured(CONFIG)


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Nothing lies beside it afterwards, and what is not there reads as nothing."""
    assert read_file(tmp_path) == ""
    write_file(tmp_path, "one")
    write_file(tmp_path, "two")
    assert read_file(tmp_path) == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.json"]
    assert stat.S_IMODE((tmp_path / "fleet.json").stat().st_mode) == 0o600
    (tmp_path / "fleet.json").unlink()
    (tmp_path / "fleet.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_file(tmp_path, "three")
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.json"]
