"""Every kind of place, each with the endpoints that it really has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harken.errors import ConfigError
from harken.models.manifest import content_revision
from harken.models.names import wanted_spec
from harken.models.store import ModelStore
from harken.ops.pull.failures import PullFailed
from harken.ops.pull.sources.choose import Origin, parse_origin
from tests.ops.pull.hubs import (
    COMMIT,
    NAME,
    model,
    serve_folder,
    serve_huggingface,
    serve_modelscope,
    sha256,
)
from tests.ops.pull.pulling import contents, do_pull, server
from tests.ops.pull.servers import Fault, File, Request

LARGE = 2 * 1024 * 1024

# --- the Hugging Face hub -------------------------------------------------------------------------------------------


def test_hf_endpoint_names_the_hub(tmp_path: Path) -> None:
    """As everywhere else; with its token, if there is one."""
    with server() as hub:
        serve_huggingface(hub, model())
        do_pull(tmp_path, "huggingface", env={"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_x"})
        assert all(request.headers["authorization"] == "Bearer hf_x" for request in hub.requests(""))


def test_a_mirror_of_the_hub_is_known_by_its_answers_and_gets_no_token(tmp_path: Path) -> None:
    """The hub's token is not for others, unless --token-env says so."""
    with server() as mirror:
        serve_huggingface(mirror, model())
        done = do_pull(tmp_path, mirror.url, env={"HF_TOKEN": "hf_x", "HARKEN_API_KEY": "hk_y"})
        assert done.stored.revision == COMMIT
        assert not any("authorization" in request.headers for request in mirror.requests(""))
        do_pull(tmp_path / "2", mirror.url, env={"T": "t"}, token_env="T")
        assert mirror.requests("")[-1].headers["authorization"] == "Bearer t"


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("RepoNotFound", 401, "has no model some/model"),
        ("GatedRepo", 403, "gated"),
        ("RevisionNotFound", 404, "no revision 'v9'"),
    ],
)
def test_what_the_hub_refuses_is_said_in_words(tmp_path: Path, code: str, status: int, words: str) -> None:
    """By its own error codes."""
    with server() as hub:
        hub.gate = lambda _request: (status, {"X-Error-Code": code})
        with pytest.raises(PullFailed, match=words):
            do_pull(tmp_path, f"huggingface:{hub.url}", model=f"{NAME}@v9")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"sha": 3}', b'{"sha": "main", "siblings": []}', b"[" * 99_999]
)
def test_what_is_no_hub_is_said_so(tmp_path: Path, body: bytes) -> None:
    """Whatever it answers."""
    with server() as hub:
        hub.files[f"/api/models/{NAME}"] = File(body)
        with pytest.raises(PullFailed, match="does not speak"):
            do_pull(tmp_path, f"huggingface:{hub.url}")


@pytest.mark.parametrize("entry", [3, None, {}, {"rfilename": 3}, {"rfilename": "x.json", "size": "many", "lfs": []}])
def test_odd_entries_of_a_list_do_no_harm(tmp_path: Path, entry: object) -> None:
    """They are left out, or have no size and no digest."""
    with server() as hub:
        serve_huggingface(hub, model())
        info = json.loads(hub.files[f"/api/models/{NAME}"].body)
        info["siblings"].append(entry)
        hub.files[f"/api/models/{NAME}"].body = json.dumps(info).encode()
        hub.files[f"/{NAME}/resolve/{COMMIT}/x.json"] = File(b"{}")
        assert set(model()) <= set(contents(do_pull(tmp_path, f"huggingface:{hub.url}").stored.folder))


# --- ModelScope -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_modelscope_gives_a_model_with_its_digests(tmp_path: Path) -> None:
    """The commit is told in short, and found among its files'."""
    with server() as scope:
        serve_modelscope(scope, model(LARGE))
        done = do_pull(tmp_path, "modelscope", env={"MODELSCOPE_ENDPOINT": scope.url, "HF_TOKEN": "hf_x"})
        assert not any("authorization" in request.headers for request in scope.requests(""))
        assert "Revision=" + "b" * 40 in scope.requests("/repo")[-1].target
        assert "Revision=master" in scope.requests("/repo/files")[0].target
    assert contents(done.stored.folder) == model(LARGE)
    assert done.stored.revision == "b" * 40
    assert {file.checked for file in done.stored.manifest.files} == {"sha256"}


def test_modelscope_without_a_commit_has_an_id_of_the_content(tmp_path: Path) -> None:
    """The same files, the same id."""
    with server() as scope:
        serve_modelscope(scope, model())
        file = scope.files[f"/api/v1/models/{NAME}/repo/files"]
        file.body = file.body.replace(b'"ShortId": "bbbbbbbb"', b'"ShortId": "cccccccc"')
        done = do_pull(tmp_path, f"modelscope:{scope.url}")
    expected = content_revision((name, len(body), sha256(body)) for name, body in model().items())
    assert done.stored.revision == expected


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"Code": 200, "Success": True, "Data": {"Files": None, "LatestCommitter": None}}, "no revision 'v9'"),
        ({"Code": 10010205001, "Success": False, "Data": None, "Message": "record not found"}, "record not found"),
        ("<html>", "does not speak ModelScope"),
        ([], "does not speak ModelScope"),
    ],
)
def test_what_modelscope_does_not_have_is_said_in_words(tmp_path: Path, told: object, words: str) -> None:
    """A revision that does not exist is answered with 200 and no list."""
    with server() as scope:
        scope.files[f"/api/v1/models/{NAME}/repo/files"] = File(json.dumps(told).encode())
        with pytest.raises(PullFailed, match=words):
            do_pull(tmp_path, f"modelscope:{scope.url}", model=f"{NAME}@v9")


# --- plain folders --------------------------------------------------------------------------------------------------


def test_a_folder_is_read_by_the_page_of_its_web_server(tmp_path: Path) -> None:
    """It tells no digests, and the manifest says so; its id is of what the server tells of the files."""
    with server() as mirror:
        serve_folder(mirror, {**model(), "README.md": b""})
        done = do_pull(tmp_path, f"{mirror.url}/mirror/")
        assert do_pull(tmp_path, f"{mirror.url}/mirror").was_here
    assert contents(done.stored.folder) == model()
    assert {file.checked for file in done.stored.manifest.files} == {"none"}


def test_a_folder_with_sums_is_checked_by_them(tmp_path: Path) -> None:
    """As sha256sum writes them; a wrong file is refused."""
    with server() as mirror:
        serve_folder(mirror, model(), path=f"/models/{NAME}")
        sums = "".join(f"{sha256(body)}  {name}\n" for name, body in model().items())
        mirror.files[f"/models/{NAME}/SHA256SUMS"] = File(sums.encode())
        done = do_pull(tmp_path, f"{mirror.url}/models")
        assert {file.checked for file in done.stored.manifest.files} == {"sha256"}
        mirror.fault = lambda request, _: Fault(is_corrupt=True) if request.path.endswith(".txt") else None
        with pytest.raises(PullFailed, match=r"merges\.txt came wrong"):
            do_pull(tmp_path / "2", f"{mirror.url}/models")


@pytest.mark.parametrize(
    "index",
    [
        {"files": [*model()]},
        [*model()],
        [{"name": name, "type": "file", "size": 3, "mtime": "Thu, 01 Jan 2026 00:00:00 GMT"} for name in model()],
    ],
)
def test_an_index_in_json_will_do(tmp_path: Path, index: object) -> None:
    """As nginx's autoindex writes it, or a plain list."""
    with server() as mirror:
        serve_folder(mirror, model())
        mirror.files["/mirror/index.json"] = File(json.dumps(index).encode())
        del mirror.files["/mirror/"]
        assert contents(do_pull(tmp_path, f"folder:{mirror.url}/mirror").stored.folder) == model()


def test_a_pulled_folder_that_was_copied_to_a_web_server_has_everything(tmp_path: Path) -> None:
    """Its manifest is the list, with digests, name and revision."""
    with server() as hub, server() as mirror:
        serve_huggingface(hub, model())
        first = do_pull(tmp_path / "1", f"huggingface:{hub.url}").stored
        for path in first.folder.iterdir():
            mirror.files[f"/copy/{path.name}"] = File(path.read_bytes())
        second = do_pull(tmp_path / "2", f"{mirror.url}/copy").stored
        with pytest.raises(PullFailed, match="without revisions"):
            do_pull(tmp_path / "2", f"{mirror.url}/copy", model=f"{NAME}@v2")
    assert second.revision == first.revision
    assert {file.checked for file in second.manifest.files} == {"sha256"}


@pytest.mark.slow
def test_sizes_that_nobody_tells_are_found_out(tmp_path: Path) -> None:
    """A server that knows neither HEAD nor lengths nor ranges."""
    with server() as mirror:
        serve_folder(mirror, model(LARGE))
        for file in mirror.files.values():
            file.has_ranges = False
        mirror.fault = lambda request, _: Fault(status=405) if request.method == "HEAD" else Fault(hides_length=True)
        assert contents(do_pull(tmp_path, f"folder:{mirror.url}/mirror").stored.folder) == model(LARGE)


@pytest.mark.parametrize("etag", ['"one"', 'W/"one"'])
def test_a_server_without_head_tells_versions_with_the_first_byte(tmp_path: Path, etag: str) -> None:
    """What did not change is not fetched again, and what did is."""
    with server() as mirror:
        serve_folder(mirror, model())
        mirror.fault = lambda request, _: Fault(status=405) if request.method == "HEAD" else None
        for file in mirror.files.values():
            file.etag = etag
        first = do_pull(tmp_path, f"folder:{mirror.url}/mirror").stored
        assert do_pull(tmp_path, f"folder:{mirror.url}/mirror").was_here
        changed = model() | {"config.json": model()["config.json"].replace(b"qwen3", b"qwen4")}
        mirror.files["/mirror/config.json"] = File(changed["config.json"], etag=etag.replace("one", "two"))
        second = do_pull(tmp_path, f"folder:{mirror.url}/mirror").stored
    assert contents(second.folder) == changed
    assert (contents(first.folder), second.refs) == (model(), ("",))


@pytest.mark.parametrize("hides_length", [True, False])
def test_what_a_server_tells_nothing_of_is_fetched_to_be_known(tmp_path: Path, hides_length: bool) -> None:
    """A file may be another one of the same size; the same content is the same revision, and takes no more room."""
    with server() as mirror:
        serve_folder(mirror, model())
        for file in mirror.files.values():
            file.etag, file.has_ranges = "", False
        gone = ""

        def fault(request: Request, _: int) -> Fault:
            if request.method == "HEAD":
                return Fault(status=405)
            is_gone = request.path == gone and "range" not in request.headers
            return Fault(status=404) if is_gone else Fault(hides_length=hides_length)

        mirror.fault = fault
        first, again = (do_pull(tmp_path, f"folder:{mirror.url}/mirror") for _ in range(2))
        assert (again.stored.revision, again.was_here) == (first.stored.revision, False)
        changed = model() | {"config.json": model()["config.json"].replace(b"qwen3", b"qwen4")}
        mirror.files["/mirror/config.json"].body = changed["config.json"]
        mirror.files["/mirror/merges.txt"].body = b"b a\n"
        gone = "/mirror/vocab.json"
        with pytest.raises(PullFailed):
            do_pull(tmp_path, f"folder:{mirror.url}/mirror")
        gone, mirror.files["/mirror/merges.txt"].body = "", model()["merges.txt"]
        second = do_pull(tmp_path, f"folder:{mirror.url}/mirror").stored
        sums = "".join(f"{sha256(body)}  {name}\n" for name, body in changed.items())
        mirror.files["/mirror/SHA256SUMS"] = File(sums.encode())
        if not hides_length:
            assert do_pull(tmp_path, f"folder:{mirror.url}/mirror").was_here, "with digests it is known at last"
    assert (contents(first.stored.folder), contents(second.folder)) == (model(), changed)
    assert (ModelStore(tmp_path).partials(), second.refs) == ([], ("",))


@pytest.mark.parametrize("link", ["../../evil.json", "%2e%2e/evil.json", "a/../../evil.json"])
def test_links_that_lead_up_are_refused(tmp_path: Path, link: str) -> None:
    """With the whole page."""
    with server() as mirror:
        serve_folder(mirror, model())
        mirror.files["/mirror/"].body += f'<a href="{link}">x</a>'.encode()
        with pytest.raises(PullFailed, match="unsafe name"):
            do_pull(tmp_path / "m", f"folder:{mirror.url}/mirror")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("link", ["/evil.json", "//elsewhere/evil.json", "http://x/evil.json", "?C=N;O=D", "#x.json"])
def test_links_that_lead_elsewhere_are_left_out(tmp_path: Path, link: str) -> None:
    """Web servers' own pages have such, too."""
    with server() as mirror:
        serve_folder(mirror, model())
        mirror.files["/mirror/"].body += f'<a href="{link}">x</a>'.encode()
        assert contents(do_pull(tmp_path, f"folder:{mirror.url}/mirror").stored.folder) == model()
        assert not mirror.requests("evil")


def test_a_place_that_has_nothing_is_said_so(tmp_path: Path) -> None:
    """With what was looked for."""
    with server() as empty, pytest.raises(PullFailed, match="Neither another Harken nor a mirror of the hub"):
        do_pull(tmp_path, empty.url)


def test_a_file_that_is_far_too_large_for_a_list_is_no_list(tmp_path: Path) -> None:
    """It is not read to its end."""
    large = 64_000_000  # far beyond what the sockets of both ends hold: those are filled, whatever is read
    with server() as hub:
        hub.files[f"/api/models/{NAME}"] = File(b" " * large)
        with pytest.raises(PullFailed, match="no list of files"):
            do_pull(tmp_path, f"huggingface:{hub.url}")
        assert hub.sent("/api") < large


# --- which place is meant -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "env", "expected"),
    [
        ("huggingface", {}, ("huggingface", "https://huggingface.co")),
        ("huggingface", {"HF_ENDPOINT": "https://hf-mirror.com"}, ("huggingface", "https://hf-mirror.com")),
        ("huggingface:https://m/x", {"HF_ENDPOINT": "https://hf-mirror.com"}, ("huggingface", "https://m/x")),
        ("modelscope", {}, ("modelscope", "https://www.modelscope.cn")),
        ("http://gateway:7860", {}, ("", "http://gateway:7860")),
        ("harken:http://gateway:7860", {}, ("harken", "http://gateway:7860")),
    ],
)
def test_a_place_is_a_word_or_an_address_or_both(text: str, env: dict[str, str], expected: tuple[str, str]) -> None:
    """The usual variables of the hubs count."""
    origin = parse_origin(text, "", env)
    assert (origin.kind, origin.address) == expected


@pytest.mark.parametrize(
    "text", ["", "hugginface", "ftp://x/y", "http://", "http://x:0", "http://[", "folder", "harken:", "file:///etc"]
)
def test_what_is_no_place_is_refused(text: str) -> None:
    """With examples of places."""
    with pytest.raises(ConfigError, match="--from wants"):
        parse_origin(text, "", {})


def test_secrets_go_where_they_belong() -> None:
    """HF_TOKEN to the hub alone; a named one must be there."""
    env = {"HF_TOKEN": "hf", "T": "t"}

    def token(origin: Origin) -> str | None:
        return None if origin.secret is None else origin.secret.value

    assert token(parse_origin("huggingface", "", env)) == "hf"
    assert token(parse_origin("huggingface:https://mirror", "", env)) is None
    assert token(parse_origin("https://mirror", "", env)) is token(parse_origin("modelscope", "", env)) is None
    assert token(parse_origin("modelscope", "T", env)) == token(parse_origin("https://mirror", "T", env)) == "t"
    assert "'t'" not in repr(parse_origin("modelscope", "T", env))
    with pytest.raises(ConfigError, match="NONE"):
        parse_origin("modelscope", "NONE", env)


def test_a_password_in_an_address_is_not_shown(tmp_path: Path) -> None:
    """Neither in the manifest nor in an error."""
    with server() as hub:
        serve_huggingface(hub, model())
        address = hub.url.replace("http://", "http://user:secret@")
        done = do_pull(tmp_path, f"huggingface:{address}")
        assert "authorization" in hub.requests("")[0].headers
        with pytest.raises(PullFailed) as failed:
            do_pull(tmp_path, f"huggingface:{address}", model="no/model")
    assert "secret" not in done.stored.manifest.source + failed.value.message
    assert ModelStore(tmp_path).find(wanted_spec(NAME)) is not None
