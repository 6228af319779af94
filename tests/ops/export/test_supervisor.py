"""supervisord's configuration: a real supervisord reads every odd value as it was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from harken.errors import ConfigError
from harken.ops.export.launch import Launch
from harken.ops.export.supervisor import programs, value
from tests.ops.export.guide import exported, free_ports, process, program, until

ODD = (
    "100%",
    "%(ENV_HOME)s",
    "a, b = c",
    'say "yes" twice',
    "it's",
    "two  spaces",
    "back\\slash",
    "C:\\new",
    "semi;colon",
    "number#sign",
    "$HOME `id` $(id)",
    "声音",
    "",
    "-",
    "[section]",
    "a=b",
)

TELL = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)])); sys.stdin.read()"


def written(launch: Launch, folder: str = "/tmp/x", user: str = "") -> str:
    """The file for one program."""
    (text,) = programs([launch], user=user, log_folder=folder, folder=folder).files.values()
    return text


@pytest.mark.slow
def test_a_real_supervisord_reads_every_odd_value_as_it_was(tmp_path: Path) -> None:
    """In arguments and in variables: percent signs, quotes, commas, spaces, backslashes, comment signs, Chinese."""
    command = (sys.executable, "-c", TELL, *ODD, "both \" and '")
    surroundings = {f"ODD_{number}": text for number, text in enumerate(ODD)}
    launch = Launch(name="odd", command=command, environment=surroundings, stop_s=5)
    file = tmp_path / "supervisord.conf"
    file.write_text(written(launch, str(tmp_path)))
    with process(program("supervisord"), "-c", file) as run:
        log = tmp_path / "odd.log"
        until(lambda: run.poll() is not None or (log.is_file() and "\n" in log.read_text()), "the program has spoken")
        assert run.poll() is None, (tmp_path / "supervisord.log").read_text()
        arguments, environment = json.loads(log.read_text())
    assert tuple(arguments) == command[3:]
    assert {name: environment[name] for name in surroundings} == surroundings


@pytest.mark.parametrize("text", ["a\nb", "a ;b", "a #b", ";", "# a", "a\0", "a\tb"])
def test_what_supervisord_would_cut_off_is_refused(text: str) -> None:
    """Rather than half a value."""
    with pytest.raises(ConfigError):
        value(text, "model")


@pytest.mark.parametrize("text", ["\"'", "'a", 'a"', "a\nb"])
def test_variables_that_it_cannot_be_told_are_refused(text: str) -> None:
    """Its reader knows no escapes and strips quotes from both ends."""
    with pytest.raises(ConfigError):
        written(Launch(name="odd", command=("x",), environment={"ODD": text}, stop_s=5))


@pytest.mark.parametrize("user", ["a b", "a\nuser=root", ";", "../x"])
def test_a_user_that_is_none_is_refused(user: str) -> None:
    """Nothing gets out of its line."""
    with pytest.raises(ConfigError, match="--user"):
        written(Launch(name="asr-1", command=("x",), environment={}, stop_s=5), user=user)


@pytest.mark.slow
def test_an_instance_leaves_with_a_supervisord_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL: nobody would be left to stop it, and the next supervisord would find its port taken."""
    settings = (
        "fleet.instances=1",
        f"fleet.first_port={free_ports(1)}",
        "instance.model=stub",
        "jobs.is_enabled=false",
    )
    flags = [word for setting in settings for word in ("--set", setting)]
    file = tmp_path / "supervisord.conf"
    exported("supervisor", *flags, "--standalone", tmp_path, "--output", file)
    with process(program("supervisord"), "-c", file) as run:
        log = tmp_path / "asr-1.log"
        until(lambda: log.is_file() and '"ready"' in log.read_text(), "the instance is ready")
        (instance,) = psutil.Process(run.pid).children()
        run.kill()
        until(lambda: not instance.is_running() or instance.status() == psutil.STATUS_ZOMBIE, "the instance is gone")
        run.wait(10)


@pytest.mark.slow
def test_the_guide_s_words_are_all_there() -> None:
    """autostart, autorestart, three retries, one log of 10 MB and five old ones, CUDA_VISIBLE_DEVICES=0."""
    text = exported("supervisor", "--set", "fleet.devices=cuda:0", "--set", "instance.drain_timeout_s=100")
    for line in (
        "[program:asr-4]",
        "[group:harken]",
        "programs=asr-1,asr-2,asr-3,asr-4",
        "user=harken",
        "autostart=true",
        "autorestart=unexpected",
        "startretries=3",
        "stdout_logfile=/var/log/harken/asr-1.log",
        "stdout_logfile_maxbytes=10MB",
        "stdout_logfile_backups=5",
        "stopsignal=TERM",
        "stopwaitsecs=130",
        "killasgroup=true",
    ):
        assert f"\n{line}\n" in text, line
    assert 'CUDA_VISIBLE_DEVICES="0"' in text


@pytest.mark.slow
def test_the_gateway_is_one_program() -> None:
    """Which looks after its instances itself."""
    text = exported("supervisor", "--of", "gateway")
    assert text.count("[program:") == 1
    assert "-m harken up" in text


@pytest.mark.slow
def test_supervisord_with_a_part_of_debian_s(tmp_path: Path) -> None:
    """Included, as Debian includes it, its programs are known."""
    (tmp_path / "part.conf").write_text(exported("supervisor", "--log-folder", tmp_path, "--user", "root"))
    main = tmp_path / "supervisord.conf"
    main.write_text(
        f"[supervisord]\nlogfile={tmp_path}/log\npidfile={tmp_path}/pid\n[include]\nfiles={tmp_path}/part.conf\n"
    )
    check = (
        "from supervisor.options import ServerOptions; import sys; o = ServerOptions(); o.realize(['-c', sys.argv[1]]);"
    )
    check += "print(*(p.name for g in o.configroot.supervisord.process_group_configs for p in g.process_configs))"
    interpreter = Path(program("supervisord")).read_text().splitlines()[0].removeprefix("#!").split()[0]
    done = subprocess.run(
        [interpreter, "-c", check, str(main)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["asr-1", "asr-2", "asr-3", "asr-4"], done.stderr
