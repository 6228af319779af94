"""A pull against servers that behave, and servers that do not."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from harken.models.lock import try_lock
from harken.models.names import wanted_spec
from harken.models.removal import set_aside
from harken.models.store import ModelStore
from harken.ops.pull import pull as pull_module
from harken.ops.pull.events import Event, Found, Retrying, Verified
from harken.ops.pull.failures import PullFailed
from tests.ops.pull.hubs import COMMIT, NAME, model, serve_huggingface, weights
from tests.ops.pull.pulling import PART, contents, do_pull, server
from tests.ops.pull.servers import Fault, FileServer, Request

WEIGHTS = "model.safetensors"
LARGE = 3 * 1024 * 1024


def hub(url: str) -> str:
    """The source that a server of the hub's API is."""
    return f"huggingface:{url}"


def test_a_model_is_here_whole_and_checked(tmp_path: Path) -> None:
    """Only the files that an instance loads, with a manifest that says what they were compared with."""
    files = {**model(), "README.md": b"read me", "pytorch_model.bin": b"pickle", "run.py": b"print()"}
    with server() as source:
        serve_huggingface(source, files)
        done = do_pull(tmp_path, hub(source.url))
    assert contents(done.stored.folder) == model()
    manifest = done.stored.manifest
    assert (manifest.name, manifest.revision, manifest.source) == (NAME, COMMIT, source.url)
    assert {file.name: file.checked for file in manifest.files} == {
        name: "sha256" if name == WEIGHTS else "git" for name in model()
    }
    assert not source.requests("README") and not source.requests(".bin") and not source.requests("run.py")
    assert [one.name for one in tmp_path.iterdir()].count(".partial") == 0, "nothing half-done is left"


def test_a_model_that_is_here_is_not_fetched_again(tmp_path: Path) -> None:
    """Its list is asked for, since a branch may have moved."""
    with server() as source:
        serve_huggingface(source, model())
        do_pull(tmp_path, hub(source.url))
        before = len(source.answered)
        again = do_pull(tmp_path, hub(source.url))
    assert again.was_here
    assert len(source.answered) == before + 1


def test_large_files_come_in_parts_beside_each_other(tmp_path: Path) -> None:
    """Each byte once: the ranges do not overlap."""
    files = model(LARGE)
    with server() as source:
        serve_huggingface(source, files)
        assert contents(do_pull(tmp_path, hub(source.url)).stored.folder) == files
        ranges = [one.headers.get("range") for one in source.requests(WEIGHTS)]
    assert len(set(ranges)) == len(ranges) == 1 + LARGE // PART
    assert source.sent(WEIGHTS) == LARGE + 1, "the first question costs a byte"


@pytest.mark.slow
def test_a_connection_that_breaks_off_is_gone_on_from(tmp_path: Path) -> None:
    """What arrived is not asked for again."""
    files = model(LARGE)
    with server() as source:
        serve_huggingface(source, files)

        def fault(request: Request, earlier: int) -> Fault | None:
            is_part = request.headers.get("range", "bytes=0-0") != "bytes=0-0"
            return Fault(break_after=100_000) if is_part and earlier % 2 else None

        source.fault = fault
        told: list[Event] = []
        assert contents(do_pull(tmp_path, hub(source.url), told=told).stored.folder) == files
    assert any(isinstance(one, Retrying) for one in told)
    assert source.sent(WEIGHTS) <= LARGE + 1


@pytest.mark.slow
def test_a_server_without_ranges_works(tmp_path: Path) -> None:
    """In one piece, and anew where that breaks off."""
    files = model(LARGE)
    with server() as source:
        serve_huggingface(source, files)
        source.files[f"/{NAME}/resolve/{COMMIT}/{WEIGHTS}"].has_ranges = False
        source.fault = lambda request, earlier: (
            Fault(break_after=LARGE // 2) if WEIGHTS in request.path and earlier == 1 else None
        )
        assert contents(do_pull(tmp_path, hub(source.url)).stored.folder) == files
    assert len(source.requests(WEIGHTS)) == 3


@pytest.mark.parametrize(
    "fault",
    [
        Fault(is_corrupt=True),
        Fault(claims=1_000),
        Fault(claims=LARGE * 2),
        Fault(extra=b"more than it should be"),
        Fault(hides_length=True, break_after=1_000),
    ],
    ids=["corrupt", "claims-less", "claims-more", "too-long", "too-short"],
)
@pytest.mark.parametrize("has_ranges", [True, False], ids=["ranges", "no-ranges"])
@pytest.mark.slow
def test_a_file_that_comes_wrong_once_is_fetched_anew(tmp_path: Path, fault: Fault, has_ranges: bool) -> None:
    """Whatever was wrong with it."""
    files = model(LARGE)
    with server() as source:
        serve_huggingface(source, files)
        source.files[f"/{NAME}/resolve/{COMMIT}/{WEIGHTS}"].has_ranges = has_ranges
        source.fault = lambda request, earlier: fault if WEIGHTS in request.path and earlier == 1 else None
        told: list[Event] = []
        assert contents(do_pull(tmp_path, hub(source.url), told=told).stored.folder) == files
    assert any(isinstance(one, Retrying) and one.file == WEIGHTS for one in told)


@pytest.mark.slow
def test_a_range_that_is_suddenly_impossible_begins_the_file_anew(tmp_path: Path) -> None:
    """The file shrank, or changed."""
    files = model(LARGE)
    with server() as source:
        serve_huggingface(source, files)
        source.fault = lambda request, earlier: Fault(status=416) if WEIGHTS in request.path and earlier == 1 else None
        assert contents(do_pull(tmp_path, hub(source.url)).stored.folder) == files


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(is_corrupt=True), "SHA-256"),
        (Fault(claims=1_000, headers=(("Content-Range", "bytes 0-0/1000"),)), "promises"),
        (Fault(status=503), "503"),
    ],
    ids=["corrupt", "another-size", "503"],
)
@pytest.mark.slow
def test_a_file_that_is_always_wrong_ends_in_a_clear_error(tmp_path: Path, fault: Fault, reason: str) -> None:
    """After a bounded number of tries, and nothing has the model's name."""
    with server() as source:
        serve_huggingface(source, model(LARGE))
        source.fault = lambda request, _: fault if WEIGHTS in request.path else None
        with pytest.raises(PullFailed, match=reason) as failed:
            do_pull(tmp_path, hub(source.url))
        assert len(source.requests(WEIGHTS)) < 60
    assert WEIGHTS in failed.value.message
    assert ModelStore(tmp_path).find(wanted_spec(NAME)) is None


def test_small_files_are_checked_by_gits_id(tmp_path: Path) -> None:
    """The hub tells no SHA-256 of them."""
    with server() as source:
        serve_huggingface(source, model())
        source.fault = lambda request, _: Fault(is_corrupt=True) if request.path.endswith("vocab.json") else None
        with pytest.raises(PullFailed, match=r"vocab\.json came wrong 3 times.*git"):
            do_pull(tmp_path, hub(source.url))


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_waited_for_as_long_as_it_says(tmp_path: Path, status: int) -> None:
    """Its Retry-After does not use up the tries: five refusals, where three failures would be the end."""
    with server() as source:
        serve_huggingface(source, model())
        busy = Fault(status=status, headers=(("Retry-After", "0"),))
        source.fault = lambda request, earlier: busy if WEIGHTS in request.path and earlier < 5 else None
        told: list[Event] = []
        do_pull(tmp_path, hub(source.url), told=told)
    assert sum(isinstance(one, Retrying) for one in told) == 5


def test_a_server_that_is_busy_for_too_long_is_given_up(tmp_path: Path) -> None:
    """At once where it says so itself."""
    with server() as source:
        serve_huggingface(source, model())
        source.fault = lambda request, _: Fault(status=503, headers=(("Retry-After", "3600"),))
        with pytest.raises(PullFailed, match="503"):
            do_pull(tmp_path, hub(source.url))
    assert len(source.answered) == 1


@pytest.mark.slow
def test_a_silent_server_is_asked_again(tmp_path: Path) -> None:
    """An answer of which nothing comes is broken off; what came of it is kept."""
    files = model(LARGE)
    with server() as source:
        serve_huggingface(source, files)
        source.fault = lambda request, earlier: (
            Fault(pause_s=30.0) if WEIGHTS in request.path and earlier == 2 else None
        )
        done = do_pull(tmp_path, hub(source.url), silence_timeout_s=0.2)
    assert contents(done.stored.folder) == files


@pytest.mark.slow
def test_a_file_that_changes_between_two_tries_is_begun_anew(tmp_path: Path) -> None:
    """Without a digest only its ETag tells: no file is made of two halves of different ones."""
    old, new = weights(LARGE, 1), weights(LARGE, 2)
    with server() as source:
        serve_plain(source, old)

        def fault(request: Request, earlier: int) -> Fault | None:
            if not request.path.endswith(WEIGHTS) or request.method == "HEAD":
                return None
            if earlier == 4:
                source.files[f"/m/{WEIGHTS}"].body = new
                source.files[f"/m/{WEIGHTS}"].etag = '"new"'
            return Fault(break_after=1_000) if earlier == 3 else None

        source.fault = fault
        done = do_pull(tmp_path, f"folder:{source.url}/m", connections=1)
    assert (done.stored.folder / WEIGHTS).read_bytes() == new
    assert {file.checked for file in done.stored.manifest.files} == {"none"}


def serve_plain(source: FileServer, body: bytes) -> None:
    """A folder without digests."""
    from tests.ops.pull.hubs import serve_folder

    serve_folder(source, {"config.json": b"{}", WEIGHTS: body}, path="/m")


@pytest.mark.slow
def test_an_interrupted_pull_goes_on_from_what_arrived(tmp_path: Path) -> None:
    """In another process, hours later: each byte is sent once."""
    files = model(LARGE)
    with server() as source:
        serve_huggingface(source, files)
        source.fault = lambda request, earlier: Fault(status=500) if WEIGHTS in request.path and earlier > 5 else None
        with pytest.raises(PullFailed, match="the same command goes on from there"):
            do_pull(tmp_path, hub(source.url), connections=1)
        first = source.sent(WEIGHTS)
        assert first > PART
        source.fault = lambda _request, _earlier: None
        assert contents(do_pull(tmp_path, hub(source.url)).stored.folder) == files
    assert source.sent(WEIGHTS) == LARGE + 2, "two first questions of a byte each"


def test_files_that_were_whole_are_not_fetched_again(tmp_path: Path) -> None:
    """A pull that failed at its last file has only that to fetch."""
    with server() as source:
        serve_huggingface(source, model())
        source.fault = lambda request, _: Fault(status=404) if WEIGHTS in request.path else None
        with pytest.raises(PullFailed, match="404"):
            do_pull(tmp_path, hub(source.url), connections=1)
        source.fault = lambda request, _: None
        told: list[Event] = []
        do_pull(tmp_path, hub(source.url), told=told, connections=1)
    assert len(source.requests("vocab.json")) <= 1
    assert {one.file for one in told if isinstance(one, Verified)} == set(model())


def test_a_revision_borrows_the_files_that_did_not_change(tmp_path: Path) -> None:
    """The large ones rarely do."""
    files = model(LARGE)
    with server() as source:
        serve_huggingface(source, files)
        do_pull(tmp_path, hub(source.url))
        before = source.sent(WEIGHTS)
        serve_huggingface(source, {**files, "vocab.json": b"{}"}, commit="c" * 40)
        done = do_pull(tmp_path, hub(source.url))
    assert source.sent(WEIGHTS) == before
    assert contents(done.stored.folder) == {**files, "vocab.json": b"{}"}
    assert [one.manifest.revision[0] for one in ModelStore(tmp_path).all()] == ["a", "c"]


def test_revisions_are_kept_apart(tmp_path: Path) -> None:
    """By branch, tag, commit or the first digits of one; the bare name is what was pulled without one."""
    with server() as source:
        serve_huggingface(source, model(1_000), commit="c" * 40, refs=("v1",))
        serve_huggingface(source, model(2_000))
        do_pull(tmp_path, hub(source.url))
        do_pull(tmp_path, hub(source.url), model=f"{NAME}@v1")
    store = ModelStore(tmp_path)

    def commit(spec: str) -> str:
        found = store.find(wanted_spec(spec))
        return "" if found is None else found.manifest.revision

    assert commit(NAME) == commit(f"{NAME}@aaaaaaa") == COMMIT
    assert commit(f"{NAME}@v1") == commit(f"{NAME}@{'c' * 40}") == "c" * 40
    assert commit(f"{NAME}@v2") == commit(f"{NAME}@ccc") == ""


def test_a_branch_that_moved_is_what_it_is_now(tmp_path: Path) -> None:
    """The earlier revision stays, under its commit."""
    with server() as source:
        serve_huggingface(source, model(1_000))
        do_pull(tmp_path, hub(source.url), model=f"{NAME}@main")
        serve_huggingface(source, model(2_000), commit="d" * 40)
        do_pull(tmp_path, hub(source.url), model=f"{NAME}@main")
    store = ModelStore(tmp_path)
    found = store.find(wanted_spec(f"{NAME}@main"))
    assert found is not None and found.manifest.revision == "d" * 40
    assert store.find(wanted_spec(f"{NAME}@{COMMIT}")) is not None


@pytest.mark.parametrize(
    "name", ["../../evil.json", "/etc/evil.json", "a/../../evil.json", "a\\b.json", "a\0.json", "x" * 300 + ".json"]
)
def test_a_list_with_an_unsafe_name_is_refused(tmp_path: Path, name: str) -> None:
    """All of it: whoever writes such a list is not to be trusted with the rest."""
    with server() as source:
        serve_huggingface(source, {**model(), name: b"{}"})
        with pytest.raises(PullFailed, match="unsafe name"):
            do_pull(tmp_path / "models", hub(source.url))
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("files", [{}, {"config.json": b"{}"}, {"model.safetensors": b"x", "README.md": b""}])
def test_what_is_no_model_is_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    """A configuration and weights belong to one."""
    with server() as source:
        serve_huggingface(source, files)
        with pytest.raises(PullFailed, match="no model there"):
            do_pull(tmp_path, hub(source.url))


@pytest.mark.slow
def test_the_token_does_not_follow_a_redirect(tmp_path: Path) -> None:
    """The hub sees it; the host with the large files does not, and no message shows it or a signature."""
    with server() as source, server() as cdn:
        serve_huggingface(source, model(LARGE), cdn=cdn)
        source.gate = lambda request: (
            None if request.headers.get("authorization") == "Bearer hf_secret" else (401, {"X-Error-Code": "GatedRepo"})
        )
        told: list[Event] = []
        done = do_pull(tmp_path, hub(source.url), env={"MY_TOKEN": "hf_secret"}, token_env="MY_TOKEN", told=told)
        assert cdn.requests("/blobs/")
        assert all("authorization" not in request.headers for request in cdn.requests(""))
        with pytest.raises(PullFailed, match=r"gated.*HF_TOKEN"):
            do_pull(tmp_path, hub(source.url), env={})
        cdn.fault = lambda _request, _earlier: Fault(status=500)
        serve_huggingface(source, model(LARGE + 1), cdn=cdn, commit="e" * 40)
        with pytest.raises(PullFailed) as failed:
            do_pull(tmp_path, hub(source.url), env={"MY_TOKEN": "hf_secret"}, token_env="MY_TOKEN", told=told)
    everything = f"{told} {failed.value.message} {(done.stored.folder / 'harken-manifest.json').read_text()}"
    assert "hf_secret" not in everything and "secret-signature" not in everything


def test_redirects_without_end_are_left(tmp_path: Path) -> None:
    """And so are those that leave the web."""
    with server() as source:
        serve_huggingface(source, model(LARGE))
        path = f"/{NAME}/resolve/{COMMIT}/{WEIGHTS}"
        source.redirects[path] = path
        with pytest.raises(PullFailed, match="without end"):
            do_pull(tmp_path, hub(source.url))
        source.redirects[path] = "file:///etc/passwd"
        with pytest.raises(PullFailed, match="file://"):
            do_pull(tmp_path, hub(source.url))


def test_a_disk_without_room_is_noticed_before(tmp_path: Path) -> None:
    """Nothing is fetched, and the message has both figures."""
    with server() as source:
        serve_huggingface(source, model())
        info = json.loads(source.files[f"/api/models/{NAME}"].body)
        info["siblings"][-1]["lfs"]["size"] = 2**49
        source.files[f"/api/models/{NAME}"].body = json.dumps(info).encode()
        with pytest.raises(
            PullFailed, match=r"needs 562,949,953 MB more and 17 MB to spare, and the disk of .* has [\d,]+ MB free"
        ):
            do_pull(tmp_path, hub(source.url))
        assert len(source.answered) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    """In one sentence."""
    tmp_path.chmod(0o500)
    with server() as source:
        serve_huggingface(source, model())
        with pytest.raises(PullFailed, match="cannot be written"):
            do_pull(tmp_path / "models", hub(source.url))


def test_a_folder_that_is_a_file_is_said_so(tmp_path: Path) -> None:
    """No traceback."""
    (tmp_path / "models").write_text("not a folder")
    with server() as source:
        serve_huggingface(source, model())
        with pytest.raises(PullFailed, match="cannot be written"):
            do_pull(tmp_path / "models", hub(source.url))


@pytest.mark.slow
def test_a_damaged_model_is_mended(tmp_path: Path) -> None:
    """A missing file always, a changed one where it is asked for; the good files are not fetched again."""
    files = model()
    with server() as source:
        serve_huggingface(source, files)
        folder = do_pull(tmp_path, hub(source.url)).stored.folder
        (folder / "vocab.json").unlink()
        assert ModelStore(tmp_path).find(wanted_spec(NAME)) is None, "half a model is no model"
        assert contents(do_pull(tmp_path, hub(source.url)).stored.folder) == files
        sent = source.sent(WEIGHTS)
        (folder / "merges.txt").write_bytes(b"b a\n")
        assert do_pull(tmp_path, hub(source.url)).was_here
        assert not do_pull(tmp_path, hub(source.url), rechecks=True).was_here
        assert contents(folder) == files
        assert source.sent(WEIGHTS) == sent


@pytest.mark.parametrize("manifest", [None, b"", b"{}"])
def test_a_model_that_lost_its_manifest_is_pulled_again(tmp_path: Path, manifest: bytes | None) -> None:
    """What is left of it makes way in the last step; until then it is listed."""
    with server() as source:
        serve_huggingface(source, model())
        folder = do_pull(tmp_path, hub(source.url)).stored.folder
        (folder / "harken-manifest.json").unlink()
        if manifest is not None:
            (folder / "harken-manifest.json").write_bytes(manifest)
        assert [one.folder for one in ModelStore(tmp_path).damaged()] == [folder]
        assert contents(do_pull(tmp_path, hub(source.url)).stored.folder) == model()
    assert ModelStore(tmp_path).damaged() == []
    assert sorted(one.name for one in folder.parent.iterdir()) == [COMMIT, "refs.json"]


def test_a_pull_sweeps_what_a_killed_removal_left(tmp_path: Path) -> None:
    """Else it would take its place for ever."""
    with server() as source:
        serve_huggingface(source, model())
        folder = do_pull(tmp_path, hub(source.url)).stored.folder
        left = set_aside(folder)
        do_pull(tmp_path, hub(source.url))
    assert folder.exists() and not left.exists()


def test_what_an_earlier_list_had_does_not_stay(tmp_path: Path) -> None:
    """A published folder holds the files of its manifest, and no other."""
    with server() as source:
        serve_huggingface(source, model())
        stray = ModelStore(tmp_path).partial_place(NAME, COMMIT) / "files"
        stray.mkdir(parents=True)
        (stray / "stray.json").write_text("{}")
        assert contents(do_pull(tmp_path, hub(source.url)).stored.folder) == model()


@pytest.mark.slow
def test_a_pull_waits_while_another_one_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And finds then that nothing is left to do."""
    with server() as source:
        serve_huggingface(source, model())
        do_pull(tmp_path / "other", hub(source.url))
        store = ModelStore(tmp_path / "models")
        told: list[Event] = []
        with try_lock(store.lock_of(NAME, COMMIT)) as is_taken:
            assert is_taken
            with pytest.raises(TimeoutError):
                _pull_for(0.3, tmp_path / "models", source.url, told)
            shutil.copytree(tmp_path / "other", tmp_path / "models", dirs_exist_ok=True)
        assert do_pull(tmp_path / "models", hub(source.url), told=told).was_here
    assert not any(isinstance(one, Found) for one in told)
    assert pull_module.LOCK_LOOK_S < 1


def _pull_for(seconds: float, folder: Path, url: str, told: list[Event]) -> None:
    import asyncio

    from harken.ops.pull.pull import Wish, pull
    from harken.ops.pull.sources.choose import parse_origin

    wish = Wish(spec=wanted_spec(NAME), origin=parse_origin(hub(url), "", {}))

    async def run() -> None:
        async with asyncio.timeout(seconds):
            await pull(wish, ModelStore(folder), told.append)

    asyncio.run(run())
