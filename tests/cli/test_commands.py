"""The commands, as a person types them: real processes, exit codes, what stands where."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from harken.cli import main
from tests.cluster import Cluster, running_cluster

NOWHERE = "http://127.0.0.1:9"


def _harken(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harken", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "COLUMNS": "200", **(env or {})},
    )


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two stub instances behind a gateway."""
    with running_cluster("--model", "stub", "--instances", "2") as running:
        running.wait_ready(2)
        yield running


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A second of speech."""
    path = tmp_path / "ton 声音.wav"
    path.write_bytes((files("harken") / "samples" / "english-01.wav").read_bytes())
    return path


@pytest.mark.slow
def test_status_shows_every_instance(cluster: Cluster) -> None:
    """Exit code 0 means that a recording sent now would be transcribed."""
    shown = _harken("status", "--server", cluster.url)
    assert shown.returncode == 0, shown.stderr
    assert all(word in shown.stdout for word in ("healthy", "asr-1", "asr-2", "ready"))
    as_json = _harken("status", "--server", cluster.url, "--json")
    assert [one["name"] for one in json.loads(as_json.stdout)["instances"]] == ["asr-1", "asr-2"]


@pytest.mark.slow
def test_status_of_nothing_is_an_error_in_one_line() -> None:
    """No traceback for a server that is not there; --json stays JSON."""
    shown = _harken("status", "--server", NOWHERE, "--json")
    assert shown.returncode == 1
    assert json.loads(shown.stdout)["status"] == "unreachable"
    assert shown.stderr.startswith("harken: No answer from")
    assert "Traceback" not in shown.stderr


@pytest.mark.slow
def test_transcribe_sends_files_to_a_server(cluster: Cluster, recording: Path, tmp_path: Path) -> None:
    """Texts on standard output, in the order of the files; failures on standard error, and exit code 1."""
    alone = _harken("transcribe", recording, "--server", cluster.url)
    assert (alone.returncode, alone.stderr) == (0, "")
    assert alone.stdout.startswith("stub ")
    broken = tmp_path / "not audio.wav"
    broken.write_text("these are words, not sounds")
    both = _harken(
        "transcribe", broken, recording, tmp_path / "missing.wav", "--server", cluster.url, "--format", "json"
    )
    assert both.returncode == 1
    first, second, third = json.loads(both.stdout)
    assert (first["code"], third["code"]) == ("undecodable_audio", "unreadable")
    assert second["text"] == alone.stdout.strip()
    assert second["instances"][0] in ("asr-1", "asr-2")


@pytest.mark.slow
def test_a_transcript_for_which_the_disk_has_no_room_is_a_failure(cluster: Cluster, recording: Path) -> None:
    """In one sentence; whoever wrote `> text.txt` must not take what is there for all."""
    command = [sys.executable, "-m", "harken", "transcribe", "--server", cluster.url, str(recording)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "[cannot_print]" in done.stderr


@pytest.mark.slow
def test_transcribe_in_this_process_says_the_same(cluster: Cluster, recording: Path) -> None:
    """With or without a server, a recording's text is the same."""
    here = _harken("transcribe", recording, "--model", "stub")
    there = _harken("transcribe", recording, "--server", cluster.url)
    assert here.returncode == 0, here.stderr
    assert here.stdout == there.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("up", "--set", "gateway.prot=1"), 2, "did you mean 'port'"),
        (("serve", "--config", "/nowhere.toml"), 2, "Cannot read /nowhere.toml"),
        (("transcribe", "x.wav", "--format", "doc", "--model", "stub"), 2, "txt, json, verbose_json, srt, vtt"),
        (("transcribe", "x.wav", "--words", "--model", "stub"), 2, "verbose_json, srt or vtt"),
        (("transcribe", "x.wav", "y.wav", "--format", "srt", "--model", "stub"), 2, "--output FOLDER"),
        (("transcribe", "x.wav", "--job", "--model", "stub"), 2, "--server"),
        (("transcribe", "x.wav", "--server", NOWHERE, "--model", "stub"), 2, "--model cannot be had with --server"),
        (("serve", "--model", "/no/such/folder", "--port", "0"), 3, "/no/such/folder"),
        (("up", "--device", "abacus", "--model", "digits", "--port", "0", "--first-port", "0"), 3, "abacus"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(arguments: tuple[str, ...], code: int, complaint: str) -> None:
    """Wrong usage is exit code 2, a start that cannot succeed 3; never a traceback."""
    done = _harken(*arguments, "--log-level", "error") if arguments[0] != "transcribe" else _harken(*arguments)
    assert done.returncode == code, done.stderr
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_weights_that_are_nowhere_are_three_ways_out() -> None:
    """The default model without network and without a cache: the error helps."""
    done = _harken("serve", "--port", "0", env={"HF_HUB_OFFLINE": "1", "HF_HOME": "/nonexistent"})
    assert done.returncode == 3, done.stderr
    assert "Qwen/Qwen3-ASR-1.7B" in done.stderr
    assert "--model digits" in done.stderr
    assert "model_unavailable" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_demo_is_right_and_leaves_nothing() -> None:
    """`harken demo` is what a stranger runs first."""
    done = _harken("demo", "--instances", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "20 of 20 correct" in done.stdout
    assert "Every process is gone." in done.stdout


def test_the_version_is_printed() -> None:
    """--version needs no server and no model."""
    from harken import __version__

    assert _harken("--version").stdout == f"harken {__version__}\n"


@pytest.mark.slow
def test_standard_output_holds_the_answer_alone(recording: Path) -> None:
    """What an engine logs while it loads never mixes with text or JSON."""
    done = _harken("transcribe", recording, "--model", "stub", "--format", "json")
    assert json.loads(done.stdout)[0]["text"].startswith("stub ")


@pytest.mark.slow
def test_a_strange_file_name_costs_nobody_a_transcript(cluster: Cluster, recording: Path, tmp_path: Path) -> None:
    """Line breaks, escapes and bytes that are no text may stand in a file's name."""
    strange = [
        tmp_path / "a\nb.wav",
        tmp_path / "\x1b[31m.wav",
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav")),
    ]
    for path in strange:
        path.write_bytes(recording.read_bytes())
    done = _harken(
        "transcribe", *strange, recording, "--server", cluster.url.removeprefix("http://"), "--format", "json"
    )
    assert done.returncode == 0, done.stderr
    assert len({report["text"] for report in json.loads(done.stdout)}) == 1


@pytest.mark.parametrize("command", [("status",), ("transcribe", "x.wav")], ids=["status", "transcribe"])
@pytest.mark.parametrize("address", ["", "ftp://x", "http://127.0.0.1:99999", "http://"])
def test_an_address_that_is_none_is_a_usage_error(
    address: str, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is guessed from it, least of all that a model should be loaded here."""
    monkeypatch.setattr(sys, "argv", ["harken", *command, "--server", address])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2


@pytest.mark.slow
def test_several_files_are_one_job_that_is_gone_afterwards(cluster: Cluster, recording: Path, tmp_path: Path) -> None:
    """A file of subtitles for each recording, and no trace on the server."""
    second = tmp_path / "zwei.wav"
    second.write_bytes(recording.read_bytes())
    written = tmp_path / "out"
    flags = ("--server", cluster.url, "--format", "srt", "--output", written)
    done = _harken("transcribe", recording, second, *flags)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(path.name for path in written.iterdir()) == ["ton 声音.srt", "zwei.srt"]
    assert "-->" in (written / "zwei.srt").read_text(encoding="utf-8")
    assert json.loads(_harken("jobs", "list", "--server", cluster.url, "--json").stdout) == []


@pytest.mark.slow
def test_a_job_is_submitted_shown_fetched_and_refused_a_cancelling(cluster: Cluster, recording: Path) -> None:
    """What a person does with jobs, and the exit codes that scripts read."""
    at = ("--server", cluster.url)
    waited = _harken("jobs", "submit", recording, "--wait", "--name", "first", *at)
    assert waited.returncode == 0, waited.stderr
    assert waited.stdout.startswith("stub ")
    job_id = waited.stderr.split()[-1]
    shown = _harken("jobs", "show", job_id, *at)
    assert shown.returncode == 0
    assert all(word in shown.stdout for word in (job_id, "first", "ton 声音.wav", "done"))
    assert "first" in _harken("jobs", "list", *at).stdout
    as_vtt = _harken("jobs", "results", job_id, "--format", "vtt", *at)
    assert as_vtt.stdout.startswith("WEBVTT")
    refused = _harken("jobs", "cancel", job_id, *at)
    assert refused.returncode == 1
    assert refused.stderr.strip() == f"harken: Job {job_id} is done already. [job_conflict]"
