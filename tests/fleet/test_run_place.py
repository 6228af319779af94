"""The run folder of a gateway: whose it is, and when it goes."""

from __future__ import annotations

import os
import time
from pathlib import Path

from harken.config import Config, GatewayConfig, StateConfig
from harken.fleet.run_place import RunPlace

FIXED = "http://127.0.0.1:7860"


def place(folder: Path, *, port: int = 7860) -> RunPlace:
    """Of a gateway with this state folder."""
    return RunPlace(Config(gateway=GatewayConfig(port=port), state=StateConfig(folder=str(folder))), {})


def test_a_second_gateway_on_the_same_port_does_without(tmp_path: Path) -> None:
    """On another address: it would overwrite what was decided for the first; when that has gone there is room."""
    first, second = place(tmp_path), place(tmp_path)
    first.open(FIXED)
    assert first.folder == tmp_path / "run" / "7860"
    second.open("http://127.0.0.2:7860")
    assert second.folder is None
    second.close()
    first.close()
    third = place(tmp_path)
    third.open(FIXED)
    assert third.folder == tmp_path / "run" / "7860"
    third.close()


def test_the_folder_of_a_chosen_port_goes_with_its_gateway(tmp_path: Path) -> None:
    """That of a configured one stays."""
    passing, fixed = place(tmp_path, port=0), place(tmp_path)
    passing.open("http://127.0.0.1:40000")
    fixed.open(FIXED)
    passing.close()
    fixed.close()
    assert [folder.name for folder in (tmp_path / "run").iterdir()] == ["7860"]


def test_what_a_killed_gateway_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """Only where nobody listens, and not in the moment between a port and its socket."""
    killed = place(tmp_path, port=0)
    killed.open("http://127.0.0.1:40001")
    following = place(tmp_path)
    following.open(FIXED)
    assert (tmp_path / "run" / "40001").exists()
    long_ago = time.time() - 3600
    os.utime(tmp_path / "run" / "40001" / "passing", (long_ago, long_ago))
    following.close()
    place(tmp_path).open(FIXED)
    assert not (tmp_path / "run" / "40001").exists()


def test_a_passing_gateway_leaves_the_folder_of_a_configured_one_alone(tmp_path: Path) -> None:
    """The system may choose a port that another one had yesterday."""
    fixed, passing = place(tmp_path, port=40002), place(tmp_path, port=0)
    fixed.open("http://127.0.0.1:40002")
    fixed.close()
    passing.open("http://127.0.0.1:40002")
    assert passing.folder is None
    passing.close()
    assert (tmp_path / "run" / "40002").exists()


def test_a_folder_that_cannot_be_made_is_no_reason_not_to_serve(tmp_path: Path) -> None:
    """A file lies where the state folder should be."""
    (tmp_path / "file").touch()
    one = place(tmp_path / "file")
    one.open(FIXED)
    assert one.folder is None
    one.close()
