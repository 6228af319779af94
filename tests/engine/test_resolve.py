"""Rules of harken.engine.resolve."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harken.engine.resolve import HUB_ALIGNER, HubError, find_here, is_complete, resolve_aligner, resolve_model
from harken.errors import ConfigError, ModelUnavailable
from harken.models.manifest import FileEntry, Manifest
from harken.models.store import ModelStore, write_manifest


class _Hub:
    """A hub with these folders in its cache and these to download."""

    def __init__(self, cached: dict[str, Path] | None = None, remote: dict[str, Path] | None = None) -> None:
        self._cached = cached or {}
        self._remote = remote or {}

    def cached(self, name: str) -> Path | None:
        """From the first."""
        return self._cached.get(name)

    def download(self, name: str) -> Path:
        """From the second."""
        if name not in self._remote:
            raise HubError("ConnectError: name not known")
        return self._remote[name]


def test_an_existing_folder_is_itself(tmp_path: Path) -> None:
    """Whatever is in it; reading it is the network's matter."""
    assert resolve_model(str(tmp_path), _Hub()) == tmp_path


@pytest.mark.parametrize("asked", ["Qwen/Qwen3-ASR-1.7B", "Qwen/Qwen3-ASR-1.7B-hf"])
@pytest.mark.parametrize("there", ["Qwen/Qwen3-ASR-1.7B", "Qwen/Qwen3-ASR-1.7B-hf"])
def test_either_published_layout_in_the_cache_will_do(asked: str, there: str) -> None:
    """They hold the same weights, so nothing is downloaded twice."""
    assert resolve_model(asked, _Hub(cached={there: Path("/here")})) == Path("/here")


def test_what_is_not_in_the_cache_is_downloaded() -> None:
    """Under the very name that was asked for."""
    name = "Qwen/Qwen3-ASR-0.6B"
    assert resolve_model(name, _Hub(remote={name: Path("/there")})) == Path("/there")


def test_without_weights_or_network_the_three_ways_out_are_told() -> None:
    """And why it did not work."""
    with pytest.raises(ModelUnavailable) as refusal:
        resolve_model("Qwen/Qwen3-ASR-1.7B", _Hub())
    for part in ("name not known", "1. ", "HF_ENDPOINT", "2. ", "--model /path/to/Qwen3-ASR-1.7B", "3. ", "digits"):
        assert part in refusal.value.message


@pytest.mark.parametrize("spec", ["", "digit", "/no/such/folder", "./here", "a/b/c", "https://example.org/model"])
def test_a_name_that_is_nothing_is_an_error(spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what would be something."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="digits"):
        resolve_model(spec, _Hub())


def test_no_aligner_is_no_folder() -> None:
    """Whatever the model."""
    assert resolve_aligner("none", "digits", _Hub()) is None


def test_the_packaged_model_has_the_packaged_aligner() -> None:
    """By itself or by name, and never another one from a cache."""
    hub = _Hub(cached={HUB_ALIGNER: Path("/here")})
    found = resolve_aligner("auto", "digits", hub)
    assert found is not None
    assert found.name == "digits-aligner"
    assert resolve_aligner("digits-aligner", "Qwen/Qwen3-ASR-1.7B", hub) == found


@pytest.mark.parametrize("there", [HUB_ALIGNER, f"{HUB_ALIGNER}-hf"])
def test_the_published_aligner_is_taken_by_itself_only_where_it_is_already(there: str) -> None:
    """Two gigabytes are not downloaded because nobody said that he does not want them."""
    model = "Qwen/Qwen3-ASR-1.7B"
    assert resolve_aligner("auto", model, _Hub(cached={there: Path("/here")})) == Path("/here")
    assert resolve_aligner("auto", model, _Hub(remote={there: Path("/there")})) is None
    assert resolve_aligner(HUB_ALIGNER, model, _Hub(remote={HUB_ALIGNER: Path("/there")})) == Path("/there")


def test_an_aligner_that_is_nowhere_is_refused_with_the_ways_out() -> None:
    """In the words of the flag that named it."""
    with pytest.raises(ModelUnavailable, match=r"--aligner /path/to/Qwen3-ForcedAligner-0\.6B.*--aligner none"):
        resolve_aligner(HUB_ALIGNER, "digits", _Hub())
    with pytest.raises(ConfigError, match="Aligner 'digit-aligner' is neither"):
        resolve_aligner("digit-aligner", "digits", _Hub())


def test_a_download_that_was_broken_off_is_not_complete(tmp_path: Path) -> None:
    """All shards of the index must be there, and the configuration."""
    assert not is_complete(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert not is_complete(tmp_path)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}))
    (tmp_path / "1.safetensors").write_bytes(b"")
    assert not is_complete(tmp_path)
    (tmp_path / "2.safetensors").write_bytes(b"")
    assert is_complete(tmp_path)
    index.write_text("cut o")
    assert not is_complete(tmp_path)
    index.unlink()
    assert is_complete(tmp_path)


def _in_process(program: str, home: Path, **env: str) -> str:
    """Run a program with a hub cache of its own (the hub's library reads its variables when it is imported)."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=kept | {"HF_HOME": str(home)} | env,
    )
    return done.stdout


@pytest.mark.slow
def test_the_real_hub_says_quickly_that_it_cannot_be_reached(tmp_path: Path) -> None:
    """Offline as the variable says, or with nobody at the address; in seconds, not minutes."""
    program = """
import time
from harken.engine.resolve import resolve_model
from harken.errors import ModelUnavailable
began = time.monotonic()
try:
    resolve_model("Qwen/Qwen3-ASR-1.7B")
except ModelUnavailable as error:
    print(time.monotonic() - began < 15, error.message)
"""
    assert _in_process(program, tmp_path, HF_HUB_OFFLINE="1").startswith("True")
    assert _in_process(program, tmp_path, HF_ENDPOINT="http://127.0.0.1:9").startswith("True")


@pytest.mark.slow
def test_the_real_hubs_cache_is_found_without_a_network(tmp_path: Path) -> None:
    """A complete snapshot counts, one that was broken off does not."""
    repo = tmp_path / "hub" / "models--some--model"
    snapshot = repo / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("abc")
    (snapshot / "config.json").write_text("{}")
    program = "from harken.engine.resolve import HuggingFaceHub as H; print(H().cached('some/model'))"
    assert _in_process(program, tmp_path, HF_HUB_OFFLINE="1").strip() == "None"
    (snapshot / "model.safetensors").write_bytes(b"")
    assert _in_process(program, tmp_path, HF_HUB_OFFLINE="1").strip() == str(snapshot)


def _pulled(folder: Path, name: str, revision: str) -> Path:
    """Put a model where `harken pull` puts it."""
    place = ModelStore(folder).place(name, revision)
    place.mkdir(parents=True)
    (place / "config.json").write_bytes(b"{}")
    files = (FileEntry(name="config.json", size=2, sha256="0" * 64),)
    write_manifest(place, Manifest(name=name, revision=revision, source="https://x", files=files))
    return place


@pytest.mark.parametrize("there", ["Qwen/Qwen3-ASR-1.7B", "Qwen/Qwen3-ASR-1.7B-hf"])
def test_a_pulled_model_comes_before_the_hubs_cache(tmp_path: Path, there: str) -> None:
    """In either published layout, by its name or with its revision; `find_here` finds the same, and never downloads."""
    store, name = ModelStore(tmp_path), "Qwen/Qwen3-ASR-1.7B"
    place = _pulled(tmp_path, there, "a" * 40)
    hub = _Hub(cached={name: Path("/cached")})
    for spec in (name, f"{name}@aaaaaaa"):
        assert resolve_model(spec, hub, store) == find_here(spec, hub, store) == place
    assert resolve_model(name, hub) == find_here(name, hub) == Path("/cached")
    assert find_here(name, _Hub(remote={name: Path("/there")})) is None


def test_a_revision_that_was_not_pulled_is_refused_with_the_command(tmp_path: Path) -> None:
    """It is not looked for elsewhere: another revision would be served in its place."""
    hub = _Hub(cached={"some/model": Path("/cached")}, remote={"some/model": Path("/there")})
    with pytest.raises(ModelUnavailable, match="harken pull some/model@v2"):
        resolve_model("some/model@v2", hub, ModelStore(tmp_path))


def test_a_pulled_aligner_is_at_hand(tmp_path: Path) -> None:
    """By itself, and by its name."""
    place = _pulled(tmp_path, HUB_ALIGNER, "a" * 40)
    for spec in ("auto", HUB_ALIGNER):
        assert resolve_aligner(spec, "Qwen/Qwen3-ASR-1.7B", _Hub(), ModelStore(tmp_path)) == place


def test_a_name_without_an_owner_may_be_a_pulled_model(tmp_path: Path) -> None:
    """From another Harken; what the package has keeps its name."""
    place = _pulled(tmp_path, "mine", "a" * 40)
    _pulled(tmp_path, "digits", "a" * 40)
    store = ModelStore(tmp_path)
    assert resolve_model("mine", _Hub(), store) == place
    assert "checkpoints" in resolve_model("digits", _Hub(), store).parts


@pytest.mark.slow
def test_without_the_hubs_library_pulled_models_are_found_all_the_same(tmp_path: Path) -> None:
    """And what is not here is refused in a sentence."""
    _pulled(tmp_path, "some/model", "a" * 40)
    program = f"""
import sys
sys.modules["huggingface_hub"] = None
from pathlib import Path
from harken.engine.resolve import resolve_model
from harken.errors import ModelUnavailable
from harken.models.store import ModelStore
store = ModelStore(Path({str(tmp_path)!r}))
print(resolve_model("some/model", store=store).name)
try:
    resolve_model("other/model", store=store)
except ModelUnavailable as error:
    print("huggingface-hub is not installed" in error.message)
"""
    assert _in_process(program, tmp_path) == "a" * 40 + "\nTrue\n"
