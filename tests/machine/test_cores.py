"""Cores: the notation, what there is, and staying on some."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.errors import ConfigError
from harken.machine.cores import Cores, own_cores, parse_cores, stay_on, write_cores
from tests.machine.nvml import run_python


@pytest.mark.parametrize(
    ("text", "cores"),
    [("", ()), ("  ", ()), ("3", (3,)), ("0-3,8", (0, 1, 2, 3, 8)), (" 8 , 0-1 ", (0, 1, 8)), ("5-5", (5,))],
)
def test_a_list_of_cores_is_read(text: str, cores: tuple[int, ...]) -> None:
    """In any order, with space."""
    assert parse_cores(text) == cores


@pytest.mark.parametrize("text", ["x", "1-", "-1", "3-1", "1,1", "0-3,2", "1;2", "²", "0x1", "1,,2", "999999", "1 2"])
def test_what_is_no_list_is_refused(text: str) -> None:
    """By name."""
    with pytest.raises(ConfigError, match=r"instance\.cores"):
        parse_cores(text)


@given(st.sets(st.integers(min_value=0, max_value=300)))
@pytest.mark.slow
def test_what_is_written_can_be_read(cores: set[int]) -> None:
    """And is the same."""
    assert parse_cores(write_cores(cores)) == tuple(sorted(cores))


def test_a_quota_bounds_what_is_usable() -> None:
    """Rounded up, and never none."""
    for quota, usable in ((None, 8), (1.5, 2), (0.1, 1), (100.0, 8)):
        assert Cores(ids=(), count=8, quota=quota).usable == usable


def test_nodes_are_told_where_there_are_several(tmp_path: Path) -> None:
    """One node is none to speak of, and what cannot be read is left out."""
    nodes = tmp_path / "sys/devices/system/node"
    ours = min(os.sched_getaffinity(0)) if sys.platform == "linux" else 0
    for number, text in ((0, f"{ours}\n"), (1, "900-901\n"), (2, "what\n")):
        (nodes / f"node{number}").mkdir(parents=True)
        (nodes / f"node{number}" / "cpulist").write_text(text)
    found = own_cores(tmp_path)
    assert found.count >= 1
    if sys.platform == "linux":
        assert found.nodes == {ours: 0}
    (nodes / "node1" / "cpulist").unlink()
    assert own_cores(tmp_path).nodes == {}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps processes on cores")
def test_a_process_stays_with_all_its_threads() -> None:
    """Also those that run already, and those to come."""
    core = max(os.sched_getaffinity(0))
    code = (
        "import os, threading\n"
        "go, seen = threading.Event(), []\n"
        "def look():\n    go.wait(); seen.append(sorted(os.sched_getaffinity(0)))\n"
        "early = threading.Thread(target=look); early.start()\n"
        "from harken.machine.cores import stay_on\n"
        f"assert stay_on('{core}') == ({core},)\n"
        "late = threading.Thread(target=look); late.start()\n"
        "go.set(); early.join(); late.join()\n"
        "print(seen, sorted(os.sched_getaffinity(0)))"
    )
    assert run_python(code, dict(os.environ)).strip() == f"[[{core}], [{core}]] [{core}]"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps processes on cores")
def test_cores_that_are_not_ours_are_refused() -> None:
    """The message says which are; nothing has changed then."""
    before = os.sched_getaffinity(0)
    with pytest.raises(ConfigError, match=r"instance\.cores names 65432, but this process may use"):
        stay_on("65432")
    assert stay_on("") == ()
    assert os.sched_getaffinity(0) == before
