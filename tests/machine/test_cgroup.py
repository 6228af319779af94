"""Control groups of both versions, as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from harken.machine.cgroup import Limits, own_limits

V2 = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
)


def _write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_version_2_limits_are_read(tmp_path: Path) -> None:
    """Files that are only cached can be given up, so they do not count as used."""
    root = _write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/app.slice/harken.service\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/app.slice/harken.service/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/app.slice/harken.service/memory.max": "1000\n",
            "sys/fs/cgroup/app.slice/harken.service/memory.current": "700\n",
            "sys/fs/cgroup/app.slice/harken.service/memory.stat": "anon 400\ninactive_file 200\n",
        },
    )
    assert own_limits(root) == Limits(cpu_quota=1.5, memory_bytes=1000, memory_room_bytes=500)


def test_the_tightest_limit_on_the_way_up_counts(tmp_path: Path) -> None:
    """A service without limits in a slice with some; and less may be left above than below."""
    root = _write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/app.slice/harken.service\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/app.slice/harken.service/cpu.max": "max 100000\n",
            "sys/fs/cgroup/app.slice/harken.service/memory.max": "1000\n",
            "sys/fs/cgroup/app.slice/harken.service/memory.current": "100\n",
            "sys/fs/cgroup/app.slice/cpu.max": "300000 100000\n",
            "sys/fs/cgroup/app.slice/memory.max": "2000\n",
            "sys/fs/cgroup/app.slice/memory.current": "1900\n",
        },
    )
    assert own_limits(root) == Limits(cpu_quota=3.0, memory_bytes=1000, memory_room_bytes=100)


def test_a_container_finds_its_limits_at_the_mount(tmp_path: Path) -> None:
    """The path is the host's, and the mount shows the container's part alone."""
    root = _write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/docker/abc\n",
            "proc/self/mountinfo": V2.replace("0:26 /", "0:26 /docker/abc"),
            "sys/fs/cgroup/cpu.max": "50000 100000\n",
        },
    )
    assert own_limits(root).cpu_quota == 0.5


def test_version_1_limits_are_read(tmp_path: Path) -> None:
    """Its "no limit" is a very large number, and -1 for the CPU."""
    root = _write(
        tmp_path,
        {
            "proc/self/cgroup": "9:name=systemd:/\n4:memory:/box\n1:cpu,cpuacct:/box\n0::/\n",
            "proc/self/mountinfo": V1,
            "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us": "200000\n",
            "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/box/memory.limit_in_bytes": "4000\n",
            "sys/fs/cgroup/memory/box/memory.usage_in_bytes": "3500\n",
            "sys/fs/cgroup/memory/box/memory.stat": "total_inactive_file 1000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "9999999\n",
        },
    )
    assert own_limits(root) == Limits(cpu_quota=2.0, memory_bytes=4000, memory_room_bytes=1500)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": "nonsense\n:::\n", "proc/self/mountinfo": "- - -\n\n1 2 3\n"},
        {"proc/self/cgroup": "0::/../../etc\n", "proc/self/mountinfo": V2, "sys/fs/cgroup/cpu.max": "0 0\n"},
        {"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": V2, "sys/fs/cgroup/memory.max": "max\n"},
    ],
)
def test_what_cannot_be_read_is_no_limit(tmp_path: Path, files: dict[str, str]) -> None:
    """Whatever stands there."""
    assert own_limits(_write(tmp_path, files)) == Limits()


def test_this_machine_can_be_looked_at() -> None:
    """Whatever it is."""
    limits = own_limits()
    assert limits.cpu_quota is None or limits.cpu_quota > 0
