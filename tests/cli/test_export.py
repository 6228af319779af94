"""`harken export`, as a person types it: what goes where, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def harken(*words: str | Path, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    return subprocess.run(
        [sys.executable, "-m", "harken", "export", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
        env={**os.environ, **variables},
    )


def test_the_file_is_named_by_a_path_that_holds_elsewhere(tmp_path: Path) -> None:
    """./harken.toml, a relative model folder and a relative state folder, from another working directory."""
    (tmp_path / "model").mkdir()
    (tmp_path / "harken.toml").write_text('[instance]\nmodel = "./model"\n[state]\nfolder = "state"\n')
    done = harken("supervisor", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"--config {tmp_path}/harken.toml" in done.stdout
    assert f'HARKEN_INSTANCE_MODEL="{tmp_path}/model"' in done.stdout
    assert f'HARKEN_STATE_FOLDER="{tmp_path}/state"' in done.stdout


def test_flags_and_variables_travel_and_passwords_do_not(tmp_path: Path) -> None:
    """What the file does not say is told in variables; a password is named on standard error alone."""
    (tmp_path / "harken.toml").write_text("[limits]\nattempts = 2\n")
    database = "postgresql+psycopg://harken:hush@db/harken"
    words = ("supervisor", "--set", "limits.audio_s=60", "--set", f"state.database={database}")
    done = harken(*words, cwd=tmp_path, HARKEN_LOG_LEVEL="debug")
    assert done.returncode == 0, done.stderr
    assert 'HARKEN_LIMITS_AUDIO_S="60.0"' in done.stdout
    assert 'HARKEN_LOG_LEVEL="debug"' in done.stdout
    assert "ATTEMPTS" not in done.stdout
    assert "hush" not in done.stdout + done.stderr
    assert "state.database may hold a password" in done.stderr


def test_standard_output_holds_the_file_alone() -> None:
    """What its reader has to know is on standard error."""
    done = harken("nginx", "--set", "fleet.upstreams=http://gpu-2:8000/v1")
    assert done.stdout.startswith("# Written by `harken export nginx`")
    assert "fleet.upstreams" in done.stderr


@pytest.mark.parametrize("words", [("systemd",), ("systemd", "--of", "instances"), ("supervisor",)])
def test_pulled_models_are_found_by_a_service_with_another_home(words: tuple[str, ...], tmp_path: Path) -> None:
    """Their folder is told whole, whether it is the usual one, configured, or relative."""
    usual = harken(*words, cwd=tmp_path, XDG_DATA_HOME="/srv/data")
    assert usual.returncode == 0, usual.stderr
    assert "HARKEN_MODELS_FOLDER=/srv/data/harken/models" in usual.stdout.replace('"', "")
    (tmp_path / "harken.toml").write_text(f'[models]\nfolder = "{tmp_path}/whole"\n')
    assert f"{tmp_path}/whole" in harken(*words, cwd=tmp_path).stdout
    assert f"{tmp_path}/part" in harken(*words, "--set", "models.folder=part", cwd=tmp_path).stdout


@pytest.mark.parametrize("setting", ["models.folder=/home/me/models", "instance.aligner=/home/me/aligner"])
def test_a_unit_may_read_models_and_aligners_that_lie_in_a_home(setting: str, tmp_path: Path) -> None:
    """ProtectHome=yes would hide them."""
    words = ("systemd", "--set", "models.folder=/srv/models")
    assert "ProtectHome=read-only" in harken(*words, "--set", setting, cwd=tmp_path).stdout
    hides = not sys.executable.startswith(("/home", "/root")) and not sys.prefix.startswith(("/home", "/root"))
    assert ("ProtectHome=yes" in harken(*words, cwd=tmp_path).stdout) == hides


@pytest.mark.parametrize("words", [("nginx",), ("supervisor",), ("systemd",)])
def test_a_password_in_an_upstream_is_refused_and_not_repeated(words: tuple[str, ...]) -> None:
    """A unit file is read by others; `harken up` refuses it, too."""
    done = harken(*words, "--set", "fleet.upstreams=http://me:hush@gpu-2:8000/v1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "has a user in its URL" in done.stderr and "hush" not in done.stderr


def test_what_no_file_can_hold_is_said() -> None:
    """The variables of upstreams' keys, and what only a gateway does."""
    upstream = "fleet.upstreams=http://gpu-2:8000/v1#key_env=GPU_KEY&slots=4"
    done = harken("systemd", "--set", upstream, "--set", "gateway.port=443")
    assert "GPU_KEY, an upstream's key, must be in the service's environment" in done.stderr
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE" in done.stdout
    assert "fleet.mps" in harken("supervisor", "--set", "fleet.mps=auto").stderr


def test_a_file_is_written_over_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    """Also through a symbolic link, which stays one."""
    target, link = tmp_path / "real.conf", tmp_path / "harken.conf"
    target.write_text("old\n")
    link.symlink_to(target)
    done = harken("nginx", "--output", link)
    assert (done.returncode, done.stdout) == (0, "")
    assert link.is_symlink()
    assert target.read_text().startswith("# Written by")
    assert target.stat().st_mode & 0o777 == 0o644
    assert sorted(tmp_path.iterdir()) == [link, target]


def test_a_folder_gets_the_usual_name(tmp_path: Path) -> None:
    """harken.conf, as Debian's conf.d folders want it."""
    assert harken("nginx", "--output", tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["harken.conf"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("nginx", "--in-front-of", "moon"), "--in-front-of must be instances or gateway, not 'moon'"),
        (("supervisor", "--of", ""), "--of must be instances or gateway, not ''"),
        (("nginx", "--set", "gateway.port=0"), "gateway.port is 0"),
        (("nginx", "--set", "fleet.first_port=0"), "fleet.first_port is 0"),
        (("nginx", "--set", "fleet.weights=1,2"), "2 weights for 4 instances"),
        (("nginx", "--tls-cert", "/a.pem"), "belong together"),
        (("nginx", "--listen", "80; include /etc/passwd"), "cannot be written there"),
        (("nginx", "--listen", "abc"), "--listen must be a port, or a host and a port"),
        (("nginx", "--listen", "127.0.0.1"), "--listen must be a port"),
        (("nginx", "--listen", "0"), "--listen must be a port"),
        (("nginx", "--listen", "[::1]:65536"), "--listen must be a port"),
        (("nginx", "--server-name", "a\nb"), "cannot be written there"),
        (("nginx", "--standalone", "/tmp/a b"), "cannot be written there"),
        (("supervisor", "--set", "fleet.instances=0", "--set", "fleet.upstreams=http://a"), "fleet.instances is 0"),
        (("supervisor", "--set", "fleet.devices=abacus"), "Unknown device"),
        (("supervisor", "--user", "a b"), "--user must be the name of a user"),
        (("systemd", "--user", "root\nExecStartPre=/bin/sh"), "--user must be the name of a user"),
        (("systemd", "--config", "/nowhere.toml"), "Cannot read /nowhere.toml"),
        (("nginx", "--output", "/proc/nowhere/x"), "Cannot write"),
        (("nginx", "--output", "/dev/full/x"), "Cannot write"),
        (("monitoring", "--set", "gateway.port=0"), "gateway.port is 0: say with --address"),
        (("monitoring", "--address", "asr.example.org"), "--address must be a host and a port"),
        (("monitoring", "--address", "http://a:1"), "--address must be a host and a port"),
        (("monitoring", "--address", "a:65536"), "--address must be a host and a port"),
        (("monitoring", "--address", 'a:1"]\n'), "--address must be a host and a port"),
        (("monitoring", "--prometheus", "127.0.0.1:9090"), "--prometheus must be a URL"),
        (("monitoring", "--prometheus", "http://[::1"), "--prometheus must be a URL"),
        (("monitoring", "--prometheus", "http://a\nb: c"), "cannot be written there"),
        (("monitoring", "--key-file", "a\nb"), "cannot be written there"),
        (("monitoring", "--runbooks", "a\x7fb"), "cannot be written there"),
        (("monitoring", "--set", "gateway.name=a\tb"), "cannot be written there"),
        (("monitoring", "--of", "instances", "--set", "fleet.first_port=0"), "fleet.first_port is 0"),
        (("monitoring", "--output", "/proc/nowhere"), "Cannot write"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(words: tuple[str, ...], complaint: str) -> None:
    """Exit code 2, nothing on standard output, no traceback."""
    done = harken(*words)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """Whole or not at all."""
    target = tmp_path / "harken.conf"
    target.write_text("old\n")
    limited = f"ulimit -f 1; exec {sys.executable} -m harken export nginx --output {target}"
    done = subprocess.run(["/bin/bash", "-c", limited], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert target.read_text() == "old\n"
    assert [path.name for path in tmp_path.iterdir()] == ["harken.conf"]
