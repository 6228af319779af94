"""Logging: it may lose lines, never a request."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harken.config import LogConfig
from harken.errors import ConfigError
from harken.log import set_up_log


@pytest.mark.parametrize("wrong", [LogConfig(level="loud"), LogConfig(format="xml")])
def test_an_unknown_level_or_format_is_an_error(wrong: LogConfig) -> None:
    """A typo does not silence the log."""
    with pytest.raises(ConfigError):
        set_up_log(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_do_not_end_a_command(redirection: str) -> None:
    """A service manager may start us with nothing open; a socket must not become standard output."""
    command = f"exec {sys.executable} -m harken status --server http://127.0.0.1:9 {redirection}"
    done = subprocess.run(["sh", "-c", command], timeout=60, check=False, capture_output=True)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


def _told(code: str, folder: Path, *, form: str) -> subprocess.CompletedProcess[str]:
    """Run a program that logs to standard error and into a folder."""
    program = (
        "from pathlib import Path\n"
        "from harken.config import LogConfig\n"
        "from harken.log import OWNER, LogFiles, get_log, set_up_log\n"
        f"config = LogConfig(format={form!r})\n"
        "files = LogFiles(config)\n"
        "set_up_log(config, files)\n"
        "log = get_log('test')\n"
        f"folder = Path({str(folder)!r})\n"
        f"{code}\n"
        "files.close(5)\n"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["console", "json"])
def test_files_hold_the_same_events_as_standard_error_always_as_json(tmp_path: Path, form: str) -> None:
    """Also what was logged before the folder was known; an instance's lines are in its own file."""
    code = (
        "log.info('first', number=1)\n"
        "files.open(folder)\n"
        "log.warning('second', instance='asr-1', **{OWNER: 'asr-1'})\n"
        "log.debug('never')\n"
    )
    done = _told(code, tmp_path, form=form)
    own, other = (json.loads((tmp_path / f"{name}.log").read_text(encoding="utf-8")) for name in ("gateway", "asr-1"))
    assert (own["event"], own["number"], own["level"]) == ("first", 1, "info")
    assert (other["event"], other["instance"], other["level"]) == ("second", "asr-1", "warning")
    assert "first" in done.stderr and "second" in done.stderr and "never" not in done.stderr
    assert "_owner" not in done.stderr + str(own) + str(other)
    if form == "json":
        assert [json.loads(line) for line in done.stderr.splitlines()] == [own, other]
    else:
        assert not done.stderr.startswith("{")


@pytest.mark.slow
def test_trouble_with_a_file_is_said_once_on_standard_error(tmp_path: Path) -> None:
    """A full disk: every line is on standard error, one of them says why it is nowhere else."""
    (tmp_path / "gateway.log").symlink_to("/dev/full")
    code = "files.open(folder)\nfor number in range(50): log.info('line', number=number)\n"
    events = [json.loads(line)["event"] for line in _told(code, tmp_path, form="json").stderr.splitlines()]
    assert (events.count("line"), events.count("log.file_failed")) == (50, 1)
