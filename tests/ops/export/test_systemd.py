"""systemd's units: its own tools take them and find little to break into."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from harken.errors import ConfigError
from harken.ops.export.launch import Launch
from harken.ops.export.systemd import House, gateway_unit, instance_units
from tests.ops.export.guide import exported, harken, program

MOST_EXPOSED = 2.0
"""Of 10; up to 4 is what systemd calls OK, and its own services have about this."""

HOUSE = House(user="harken", has_gpu=False, has_model=True, state_folder="/var/lib/harken")
GENERATOR = Path("/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator")


def gateway(launch: Launch, house: House = HOUSE) -> str:
    """The text of harken.service."""
    return gateway_unit(launch, house).files["harken.service"]


def launch(*command: str, **environment: str) -> Launch:
    """A process."""
    return Launch(name="asr-1", command=command or ("/bin/true",), environment=environment, stop_s=330)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Both units and the files of variables, of a user whom every system has."""
    for of in ("gateway", "instances"):
        done = harken("export", "systemd", "--of", of, "--user", "daemon", "--output", tmp_path)
        assert done.returncode == 0, done.stderr
    return tmp_path


@pytest.mark.slow
def test_systemd_takes_both_units(units: Path) -> None:
    """Not a word from systemd-analyze verify."""
    names = ("harken.service", "harken-instance@.service")
    assert sorted(path.name for path in units.iterdir()) == sorted([*names, *(f"asr-{n}.env" for n in range(1, 5))])
    command = [program("systemd-analyze"), "verify", "--man=no", *(str(units / name) for name in names)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["harken.service", "harken-instance@.service"])
def test_little_is_left_to_break_into(units: Path, name: str) -> None:
    """By systemd's own count; what is left is the network, devices of GPUs, and memory that torch executes."""
    command = [program("systemd-analyze"), "security", "--offline=true", "--no-pager", str(units / name)]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", shown)
    assert level is not None, shown
    assert float(level[1]) < MOST_EXPOSED


def test_what_a_drain_needs_is_given() -> None:
    """Longer than the drain, SIGTERM to the first process alone, and no restart where it would not help."""
    text = gateway(launch())
    for line in ("TimeoutStopSec=330", "KillMode=mixed", "Restart=on-failure", "RestartPreventExitStatus=2 3"):
        assert f"\n{line}\n" in text


def test_a_low_port_is_the_only_capability() -> None:
    """And only where one is listened on."""
    low = House(user="harken", has_gpu=False, has_model=True, state_folder="/var/lib/harken", has_low_port=True)
    assert "\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n" in gateway(launch(), low)
    assert "\nCapabilityBoundingSet=\n" in gateway(launch())


def test_memory_that_is_executed_is_forbidden_where_no_model_is_loaded() -> None:
    """What torch loads writes code while it runs; a gateway before upstreams does not."""
    alone = House(user="harken", has_gpu=False, has_model=False, state_folder="/var/lib/harken")
    assert "MemoryDenyWriteExecute=yes" in gateway(launch(), alone)
    assert "MemoryDenyWriteExecute" not in gateway(launch())


def test_a_gpu_s_devices_are_let_in_and_no_others() -> None:
    """Without a GPU there are none at all."""
    with_gpu = House(user="harken", has_gpu=True, has_model=True, state_folder="/var/lib/harken")
    text = gateway(launch(), with_gpu)
    assert "DevicePolicy=closed" in text
    assert "DeviceAllow=char-nvidia-uvm rw" in text
    assert "PrivateDevices" not in text
    assert "PrivateDevices=yes" in gateway(launch())


@pytest.mark.parametrize("path", ["/home/me/harken.toml", "/root/.venv/bin/python"])
def test_a_home_is_read_where_something_of_it_is_needed(path: str) -> None:
    """Otherwise it does not exist."""
    house = House(user="me", has_gpu=False, has_model=True, state_folder="/var/lib/harken", read=(path,))
    assert "ProtectHome=read-only" in gateway(launch(), house)
    assert "ProtectHome=yes" in gateway(launch())


def test_a_state_folder_elsewhere_can_be_written() -> None:
    """And nothing else."""
    house = House(user="harken", has_gpu=False, has_model=True, state_folder="/srv/harken data")
    assert 'ReadWritePaths="/srv/harken data"' in gateway(launch(), house)
    assert "ReadWritePaths" not in gateway(launch())


def test_signs_that_systemd_expands_are_doubled() -> None:
    """Percent signs and dollars stay what they are, quotes and backslashes too."""
    text = gateway(launch("/bin/x", '100% "$HOME" \\', ODD='50% "it" \\'))
    assert 'ExecStart="/bin/x" "100%% \\"$$HOME\\" \\\\"' in text
    assert 'Environment="ODD=50%% \\"it\\" \\\\"' in text


@pytest.mark.slow
def test_a_file_of_variables_is_read_by_systemd_as_it_was_written(tmp_path: Path) -> None:
    """By the reader that systemd has for such files; a dollar is left out, since this one alone expands it."""
    odd = {
        "A": "100%",
        "B": 'say "yes"',
        "C": "back\\slash",
        "D": "two  spaces ; # x",
        "E": "声音",
        "F": "`id`",
    }
    (tmp_path / "environment.d").mkdir()
    text = instance_units([launch(**odd)], HOUSE).files["asr-1.env"]
    (tmp_path / "environment.d" / "odd.conf").write_text(text)
    env = {"XDG_CONFIG_HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run([GENERATOR], capture_output=True, text=True, timeout=30, check=True, env=env)
    found = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert {name: _unquoted(found[name]) for name in odd} == odd


def _unquoted(written: str) -> str:
    """What the generator writes is quoted for a shell."""
    return subprocess.run(
        ["/bin/bash", "-c", f"printf %s {written}"], capture_output=True, text=True, timeout=10, check=True
    ).stdout


@pytest.mark.parametrize("text", ["a\nExecStartPre=/bin/sh", "a\0"])
def test_nothing_gets_out_of_its_line(text: str) -> None:
    """A line's end is refused wherever it comes."""
    with pytest.raises(ConfigError):
        gateway(launch(ODD=text))
    with pytest.raises(ConfigError):
        instance_units([launch(ODD=text)], HOUSE)
    with pytest.raises(ConfigError):
        gateway(launch(text))


@pytest.mark.slow
def test_both_are_printed_where_nothing_is_said() -> None:
    """The gateway alone by default; of instances, all files with their names."""
    assert "-m" in exported("systemd")
    text = exported("systemd", "--of", "instances")
    assert re.findall(r"^# --- (\S+)$", text, flags=re.MULTILINE) == [
        "harken-instance@.service", "asr-1.env", "asr-2.env", "asr-3.env", "asr-4.env",
    ]  # fmt: skip
