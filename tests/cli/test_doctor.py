"""`harken doctor` as a command: its table, JSON and exit code, beside what `harken up` really does."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.machine.nvml import compile_stub, surroundings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
STUB = ("--model", "stub", "--port", "0", "--first-port", "0", "--instances", "1")


def _doctor(*flags: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    # Not from this folder: a harken.toml of a developer must not be read.
    return subprocess.run(
        [sys.executable, "-m", "harken", "doctor", *flags],
        env=env or dict(os.environ),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _findings(*flags: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    done = _doctor(*flags, "--json", env=env)
    assert done.stderr == ""
    return done.returncode, {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}


def _starts(*flags: str) -> bool:
    """Whether `harken up` really starts: its gateway listens, and an instance is ready."""
    command = [sys.executable, "-m", "harken", "up", *flags]
    with subprocess.Popen(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            return any('"phase": "ready"' in line for line in process.stderr)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def test_a_fleet_that_would_start_is_told_so() -> None:
    """By the exit code, a table, and a last line."""
    done = _doctor("--model", "digits", "--instances", "1", "--port", "0", "--first-port", "0")
    assert done.returncode == 0, done.stdout
    assert "What fits on" in done.stdout and "harken up would start." in done.stdout
    assert done.stderr == ""


def test_json_has_the_keys_that_are_documented() -> None:
    """docs/reference/doctor.md, no more and no less."""
    done = _doctor("--model", "digits", "--instances", "1", "--port", "0", "--first-port", "0", "--json")
    found = json.loads(done.stdout)
    page = (ROOT / "docs" / "reference" / "doctor.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z_]+)(?:\[\])?` \| (.*) \|$", page.partition("## JSON")[2], flags=re.MULTILINE))
    assert set(found) == set(rows)
    for key in ("instance", "machine"):
        assert set(found[key]) <= set(re.findall(r"`([a-z_]+)(?:\[\])?`", rows[key])), key
    for key in ("findings", "fits"):
        assert set(found[key][0]) <= set(re.findall(r"`([a-z_]+)(?:\[\])?`", rows[key])), key
    named = {
        name for row in re.findall(r"^\| (`[a-z `,]+`) \|", page, flags=re.MULTILINE) for name in row.split("`")[1::2]
    }
    assert {finding["name"] for finding in found["findings"]} <= named


def test_a_port_that_is_taken_keeps_both_from_starting() -> None:
    """The doctor names the holder before, `harken up` after."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        flags = ("--model", "stub", "--first-port", "0", "--instances", "1", "--port", port)
        code, found = _findings(*flags)
        assert (code, found["ports"]["verdict"]) == (1, "failed")
        assert f"(pid {os.getpid()})" in found["ports"]["found"]
        assert not _starts(*flags)
    assert _findings(*flags)[0] == 0
    assert _starts(*flags)


@pytest.mark.parametrize(
    "flags",
    [
        ("--set", "fleet.devices=all"),
        ("--set", "fleet.devices=cuda:0,cuda:0"),
        ("--weights", "1,2,3"),
        ("--set", "fleet.upstreams=nonsense"),
    ],
)
def test_a_layout_that_up_refuses_fails(flags: tuple[str, ...]) -> None:
    """In the same words."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("CUDA_")}
    code, found = _findings(*STUB, *flags, env=env)
    if "fleet.devices=all" in flags and found.get("gpus", {}).get("found", "none") != "none":
        pytest.skip("this machine has a GPU")
    assert (code, found["fleet"]["verdict"]) == (1, "failed")
    up = subprocess.run(
        [sys.executable, "-m", "harken", "up", *STUB, *flags],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert up.returncode == 2
    assert found["fleet"]["found"] in up.stderr


def test_wrong_usage_is_told_from_a_machine_that_is_too_small() -> None:
    """Exit code 2, as everywhere."""
    assert _doctor("--no-such-flag").returncode == 2
    done = _doctor("--set", "fleet.instnces=2")
    assert done.returncode == 2 and "did you mean 'instances'" in done.stderr
    huge = ("--model", "digits", "--instances", "60000", "--port", "0", "--first-port", "0")
    code, found = _findings(*huge)
    assert (code, found["memory"]["verdict"]) == (1, "failed")
    assert found["memory"]["remedy"].startswith("--instances ")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("dispatch.policy=foo", "Unknown dispatch.policy"),
        ("log.level=foo", "log.level must be one of"),
        ("auth.keys=foo", "auth.keys must be one of"),
        ("auth.storage=foo://", "auth.storage cannot be used"),
        ("cache.url=http://x", "cache.url must begin with"),
        ("cache.scope=foo", "cache.scope must be"),
        ("state.database=nonsense://me:hush@h/db", "cannot be used"),
        ("gateway.tls_cert=/nowhere.pem", "gateway.tls_key is missing"),
        ("instance.aligner=digits-aligner", "A stub has no use for the aligner"),
        ("instance.model=stub:speed=3", "Unknown option of the stub"),
    ],
)
def test_a_setting_that_no_machine_could_start_with_is_wrong_usage(setting: str, words: str) -> None:
    """In `harken up`'s words, before anything is looked at."""
    done = _doctor(*STUB[2:], "--set", "instance.model=stub", "--set", setting)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert words in done.stderr
    assert "hush" not in done.stderr and "Traceback" not in done.stderr


def test_a_certificate_that_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    """Both files are named, and one is not there."""
    (tmp_path / "cert.pem").write_text("")
    both = (f"gateway.tls_cert={tmp_path}/cert.pem", f"gateway.tls_key={tmp_path}/key.pem")
    done = _doctor(*STUB, "--set", both[0], "--set", both[1])
    assert done.returncode == 2 and "key.pem cannot be read" in done.stderr


def test_a_state_folder_that_cannot_be_made_fails(tmp_path: Path) -> None:
    """And nothing is made of one that can."""
    (tmp_path / "file").write_text("")
    code, found = _findings(*STUB, "--set", f"state.folder={tmp_path}/file/state")
    assert (code, found["state folder"]["verdict"]) == (1, "failed")
    code, found = _findings(*STUB, "--set", f"state.folder={tmp_path}/new/state")
    assert (code, found["state folder"]["verdict"]) == (0, "ok")
    assert not (tmp_path / "new").exists()


def test_a_network_that_swallows_everything_does_not_hold_it_up(tmp_path: Path) -> None:
    """Weights are missing, and the hub accepts and is silent: told within the bound."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        env = dict(os.environ) | {
            "HF_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "HF_HOME": str(tmp_path),
        }
        start = time.monotonic()
        code, found = _findings("--instances", "1", "--port", "0", "--first-port", "0", env=env)
        took_s = time.monotonic() - start
    assert (code, found["hub"]["verdict"], found["model"]["verdict"]) == (1, "failed", "warning")
    assert found["model"]["remedy"] == "harken pull Qwen/Qwen3-ASR-1.7B"
    assert took_s < 25, "ten seconds, and the start of Python on a busy machine"


def test_gpus_are_judged_by_what_the_driver_says(tmp_path: Path) -> None:
    """An H100 with work on it and an A100; then one is hidden, and then the driver is broken."""
    folder = compile_stub(tmp_path)
    flags = ("--model", "digits", "--instances", "1", "--port", "0", "--first-port", "0")
    done = _doctor(*flags, "--json", env=surroundings(folder, "HA"))
    told = json.loads(done.stdout)
    found = {finding["name"]: finding for finding in told["findings"]}
    assert "NVIDIA H100 80GB HBM3 (9.0), 53.7 GB of 85.9 GB free" in found["gpus"]["found"]
    assert "580.65.06" in found["driver"]["found"]
    assert {fit["device"] for fit in told["fits"]} == {"cuda:0", "cuda:1", "cpu"}
    hidden = _findings(*flags, env=surroundings(folder, "HA", CUDA_VISIBLE_DEVICES="1"))[1]
    assert "1 hidden" in hidden["gpus"]["found"]
    code, broken = _findings(*flags, "--device", "cuda", env=surroundings(folder, "H", STUB_NVML_INIT="18"))
    assert (code, broken["driver"]["verdict"]) == (1, "failed")
    assert "restart the machine" in broken["driver"]["remedy"]


def test_a_driver_that_hangs_does_not_hold_it_up(tmp_path: Path) -> None:
    """It is left behind."""
    code, found = _findings(*STUB, env=surroundings(compile_stub(tmp_path), "H", STUB_NVML_HANG="1"))
    assert (code, found["driver"]["verdict"]) == (0, "warning")
    assert "did not answer" in found["driver"]["found"]
