"""`harken pull` and `harken models`, as a person types them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from harken.models.lock import try_lock
from harken.models.store import ModelStore
from tests.ops.pull.hubs import COMMIT, NAME, model, serve_huggingface
from tests.ops.pull.servers import Fault, FileServer, running

WEIGHTS = "model.safetensors"
LARGE = 4 * 1024 * 1024


@pytest.fixture
def hub() -> Iterator[FileServer]:
    """A hub with one model."""
    with running(FileServer()) as server:
        serve_huggingface(server, model(LARGE))
        yield server


def surroundings(folder: Path, hub: FileServer | None = None, **more: str) -> dict[str, str]:
    """Models in that folder, and that hub; nothing of the developer's own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HARKEN_"))}
    found = {"HARKEN_MODELS_FOLDER": str(folder), "HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "1"}
    return kept | found | {"COLUMNS": "200"} | ({} if hub is None else {"HF_ENDPOINT": hub.url}) | more


def harken(*words: str, env: dict[str, str], stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "harken", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env, input=stdin)


def start(*words: str, env: dict[str, str]) -> subprocess.Popen[str]:
    """Start a command."""
    command = [sys.executable, "-m", "harken", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another process brings about."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # between two looks


def lines(text: str) -> list[dict[str, Any]]:
    """Lines of JSON."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.slow
def test_a_pull_says_where_the_model_is_and_how_to_use_it(tmp_path: Path, hub: FileServer) -> None:
    """On standard output; a second one says that it was here already."""
    env = surroundings(tmp_path, hub)
    done = harken("pull", NAME, env=env)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    first = done.stdout.splitlines()
    assert first[1] == str(ModelStore(tmp_path).place(NAME, COMMIT))
    assert first[-1] == f"Use it: harken up --model {NAME}"
    again = harken("pull", f"{NAME}@main", "--set", f"models.folder={tmp_path}", env=env)
    assert "was here already" in again.stdout
    assert again.stdout.splitlines()[-1] == f"Use it: harken up --model {NAME}@main --set models.folder={tmp_path}"


@pytest.mark.slow
def test_json_is_all_that_stands_on_standard_output(tmp_path: Path, hub: FileServer) -> None:
    """Found, a line for each file, done; or failed, with the code that standard error has as well."""
    done = harken("pull", NAME, "--json", env=surroundings(tmp_path, hub))
    events = lines(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (events[0]["event"], events[0]["bytes"]) == ("found", sum(map(len, model(LARGE).values())))
    assert {one["file"] for one in events if one["event"] == "verified"} == set(model())
    assert events[-1] | {"folder": ""} == {
        "event": "done", "name": NAME, "revision": COMMIT, "source": hub.url, "bytes": events[0]["bytes"], "folder": "",
        "was_here": False, "unchecked": [], "command": f"harken up --model {NAME}",
    }  # fmt: skip
    failed = harken("pull", "no/model", "--json", env=surroundings(tmp_path, hub))
    assert failed.returncode == 1
    assert lines(failed.stdout)[-1]["code"] == "pull_failed"
    assert failed.stderr.strip().endswith("[pull_failed]")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("pull", "../x"), "cannot be the name of a model"),
        (("pull", NAME, "--from", "ftp://x"), "--from wants"),
        (("pull", NAME, "--revision", "../x"), "cannot be a branch"),
        (("pull", f"{NAME}@v1", "--revision", "v2"), "another revision"),
        (("pull", NAME, "--token-env", "NOT_SET"), "NOT_SET"),
        (("models", "remove", NAME, "--set", "models.foldr=x"), "did you mean 'folder'"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_asked(tmp_path: Path, words: tuple[str, ...], complaint: str) -> None:
    """Exit code 2, one line."""
    done = harken(*words, env=surroundings(tmp_path))
    assert (done.returncode, complaint in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_pull_that_was_killed_is_gone_on_from(tmp_path: Path, hub: FileServer, ending: signal.Signals) -> None:
    """What had arrived is not sent again but for what was on the way, and nobody took the rest for a model."""
    hub.fault = lambda request, _: Fault(pause_s=0.02, block=16 * 1024) if WEIGHTS in request.path else None
    env = surroundings(tmp_path, hub)
    with start("pull", NAME, env=env) as pulling:
        wait_until(lambda: hub.sent(WEIGHTS) > LARGE // 2)
        pulling.send_signal(ending)
        pulling.communicate(timeout=10)
        assert pulling.returncode in (-ending, 130)
    sent = hub.sent(WEIGHTS)
    assert LARGE // 2 < sent < LARGE
    assert ModelStore(tmp_path).all() == []
    listed = json.loads(harken("models", "--json", env=env).stdout)
    assert [(one["name"], one["state"]) for one in listed] == [(NAME, "partial")]
    hub.fault = lambda _request, _earlier: None
    assert harken("pull", NAME, env=env).returncode == 0
    # A kill loses what was in the sockets' buffers; all else was written.
    assert hub.sent(WEIGHTS) - LARGE < 1024 * 1024
    assert harken("models", "verify", env=env).returncode == 0


@pytest.mark.slow
def test_two_pulls_at_once_fetch_it_once(tmp_path: Path, hub: FileServer) -> None:
    """The second waits for the first, and says so; three more are no worse."""
    hub.fault = lambda request, _: Fault(pause_s=0.005, block=64 * 1024) if WEIGHTS in request.path else None
    env = surroundings(tmp_path, hub)
    pulls = [start("pull", NAME, "--json", env=env) for _ in range(4)]
    try:
        ended = [lines(one.communicate(timeout=60)[0])[-1] for one in pulls]
    finally:
        for one in pulls:
            one.kill()
    assert [one["event"] for one in ended] == ["done"] * 4
    assert sorted(one["was_here"] for one in ended) == [False, True, True, True]
    assert hub.sent(WEIGHTS) == LARGE + 1


@pytest.mark.slow
def test_the_first_being_killed_lets_the_second_go_on(tmp_path: Path, hub: FileServer) -> None:
    """From where the first was."""
    hub.fault = lambda request, _: Fault(pause_s=0.02, block=16 * 1024) if WEIGHTS in request.path else None
    env = surroundings(tmp_path, hub)
    with start("pull", NAME, env=env) as first, start("pull", NAME, env=env) as second:
        wait_until(lambda: hub.sent(WEIGHTS) > LARGE // 4)
        first.kill()
        first.communicate(timeout=10)
        hub.fault = lambda _request, _earlier: None
        second.communicate(timeout=60)
        # Whichever of the two had the lock, one is alive and ends well.
        assert second.returncode == 0
    assert hub.sent(WEIGHTS) < 2 * LARGE
    assert harken("models", "verify", env=env).returncode == 0


def digits() -> dict[str, bytes]:
    """The packaged model's files."""
    folder = files("harken") / "checkpoints" / "digits"
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}


@pytest.mark.slow
def test_a_pulled_model_is_used_by_its_name_without_a_network(tmp_path: Path) -> None:
    """With or without its revision; a revision that is not here is refused with the command that fetches it."""
    recording = str(files("harken") / "samples" / "english-01.wav")
    with running(FileServer()) as hub:
        serve_huggingface(hub, digits(), name="some/digits", refs=("main", "v1"))
        assert harken("pull", "some/digits", "--revision", "v1", env=surroundings(tmp_path, hub)).returncode == 0
    env = surroundings(tmp_path)
    heard = harken("transcribe", "--model", "some/digits@v1", "--aligner", "none", recording, env=env)
    assert heard.stdout == "nine nine five\n", heard.stderr
    refused = harken("transcribe", "--model", "some/digits@v2", recording, env=env)
    assert (refused.returncode, "harken pull some/digits@v2" in refused.stderr) == (3, True)


@pytest.mark.slow
def test_models_are_listed_verified_and_removed(tmp_path: Path, hub: FileServer) -> None:
    """A damaged one is named, with the command that mends it; what is removed frees its bytes."""
    env = surroundings(tmp_path, hub)
    assert "No models" in harken("models", env=env).stdout
    harken("pull", NAME, env=env)
    listed = harken("models", env=env).stdout
    assert all(word in listed for word in (NAME, "(default)", "aaaaaaaaaaaa", "4.2 MB", "complete", hub.url))
    assert harken("models", "list", "--json", env=env).stdout == harken("models", "--json", env=env).stdout
    weights = ModelStore(tmp_path).place(NAME, COMMIT) / WEIGHTS
    weights.write_bytes(bytes([weights.read_bytes()[0] ^ 1]) + weights.read_bytes()[1:])
    damaged = harken("models", "verify", NAME, env=env)
    assert (damaged.returncode, WEIGHTS in damaged.stdout) == (1, True)
    mend = damaged.stdout.splitlines()[-1].strip().removesuffix(" mends it.").split()
    assert harken(*mend[1:], env=env).returncode == 0
    assert harken("models", "verify", "--json", env=env).returncode == 0
    for refused, words in (
        (harken("models", "remove", "other/model", "--yes", env=env), "no_such_model"),
        (harken("models", "remove", str(tmp_path), "--yes", env=env), "no_such_model"),
        (harken("models", "verify", "other/model", env=env), "no_such_model"),
        (harken("models", "remove", NAME, env=env, stdin=""), "--yes"),
    ):
        assert refused.returncode in (1, 2) and words in refused.stderr, refused.stderr
    with try_lock(ModelStore(tmp_path).lock_of(NAME, COMMIT)):
        assert "model_busy" in harken("models", "remove", NAME, "--yes", env=env).stderr
    removed = harken("models", "remove", f"{NAME}@aaaaaaa", "--yes", env=env)
    assert (removed.returncode, "4.2 MB are free again" in removed.stdout) == (0, True)
    assert harken("models", "--json", env=env).stdout == "[]\n"


@pytest.mark.slow
def test_a_partial_model_is_removed_too(tmp_path: Path, hub: FileServer) -> None:
    """Nothing of it stays."""
    hub.fault = lambda request, _: Fault(status=404) if WEIGHTS in request.path else None
    env = surroundings(tmp_path, hub)
    assert harken("pull", NAME, env=env).returncode == 1
    assert harken("models", "remove", NAME, "--yes", env=env).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == [".locks"]


@pytest.mark.slow
def test_an_issuer_that_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    """As with the other commands that have --ca."""
    (tmp_path / "words.pem").write_text("words\n")
    done = harken("pull", NAME, "--ca", str(tmp_path / "words.pem"), env=surroundings(tmp_path))
    assert (done.returncode, "PEM" in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr


@pytest.mark.slow
def test_a_model_without_its_manifest_is_listed_as_damaged_and_removed(tmp_path: Path, hub: FileServer) -> None:
    """Verifying names what is missing, and the command that mends it."""
    env = surroundings(tmp_path, hub)
    harken("pull", NAME, env=env)
    folder = ModelStore(tmp_path).place(NAME, COMMIT)
    (folder / "harken-manifest.json").unlink()
    listed = json.loads(harken("models", "--json", env=env).stdout)
    assert [(one["revision"], one["state"], one["folder"]) for one in listed] == [(COMMIT, "damaged", str(folder))]
    verified = harken("models", "verify", env=env)
    assert (verified.returncode, "harken-manifest.json" in verified.stdout) == (1, True), verified
    words = verified.stdout.splitlines()[-1].split(" mends it")[0].split()
    assert harken(*words[1:], env=env).returncode == 0
    assert harken("models", "verify", NAME, env=env).returncode == 0
    (folder / "harken-manifest.json").write_text("{}")
    assert harken("models", "verify", NAME, "--json", env=env).returncode == 1
    removed = harken("models", "remove", NAME, "--yes", env=env)
    assert (removed.returncode, folder.exists()) == (0, False), removed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pocketsphinx", "brings its own"),
        ("pocketsphinx:en-us", "Use it: harken up --model pocketsphinx:en-us"),
        ("pocketsphinx@main", "Use it: harken up --model pocketsphinx"),
        ("digits", "comes with Harken"),
    ],
)
def test_an_engine_that_brings_its_own_model_is_looked_for_in_no_hub(
    name: str, words: str, hub: FileServer, tmp_path: Path
) -> None:
    """It is a mistake in the command, and nobody is asked."""
    done = harken("pull", name, env=surroundings(tmp_path, hub))
    assert (done.returncode, hub.requests("")) == (2, [])
    assert words in done.stderr
    assert list(tmp_path.iterdir()) == []
