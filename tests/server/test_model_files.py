"""A running gateway offers its models, and `harken pull` takes them from it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harken.config import Config, InstanceConfig, load_config
from harken.models.store import ModelStore
from harken.ops.pull.failures import PullFailed
from harken.server.model_files import open_model_files, served_folders
from tests.conformance.keyed import keyed_cluster
from tests.ops.pull.hubs import NAME, model, serve_huggingface
from tests.ops.pull.pulling import contents, do_pull, server


def test_nothing_is_offered_unless_it_is_asked_for(tmp_path: Path) -> None:
    """The default is off."""
    assert open_model_files(Config(), {}) is None
    config = load_config(env={"HARKEN_GATEWAY_SERVES_MODELS": "true", "HARKEN_MODELS_FOLDER": str(tmp_path)})
    assert open_model_files(config, {}) is not None


@pytest.mark.slow
def test_the_served_model_and_its_aligner_have_their_names(tmp_path: Path) -> None:
    """The packaged ones, a folder by its card or its own; a stub has no files, and what is not here is no error."""
    store = ModelStore(tmp_path / "models")

    def names(**instance: str) -> list[str]:
        return sorted(served_folders(InstanceConfig(**instance), store))  # type: ignore[arg-type] # texts all

    assert names(model="digits") == ["digits", "digits-aligner"]
    assert names(model="digits", aligner="none") == ["digits"]
    assert names(model="stub", aligner="none") == names(model="no/model", aligner="none") == []
    packaged = served_folders(InstanceConfig(model="digits", aligner="none"), store)["digits"]
    assert names(model=str(packaged), aligner="none") == ["qwen3-asr-digits"]
    mine = tmp_path / "My-Model"
    mine.mkdir()
    assert names(model=str(mine), aligner="none") == ["My-Model"]


@pytest.mark.slow
def test_one_harken_pulls_from_another(tmp_path: Path) -> None:
    """What it serves and what was pulled there, with its key; without one it says which variable wants it."""
    with server() as hub:
        serve_huggingface(hub, model())
        there = do_pull(tmp_path / "there", f"huggingface:{hub.url}").stored
    env = {"HARKEN_GATEWAY_SERVES_MODELS": "true", "HARKEN_MODELS_FOLDER": str(tmp_path / "there")}
    with keyed_cluster("digits", tmp_path / "state", env) as (cluster, secret):
        with pytest.raises(PullFailed, match="HARKEN_API_KEY"):
            do_pull(tmp_path / "here", cluster.url, model="digits")
        key = {"HARKEN_API_KEY": secret}
        digits = do_pull(tmp_path / "here", cluster.url, model="digits", env=key).stored
        pulled = do_pull(tmp_path / "here", f"harken:{cluster.url}", model=f"{NAME}@aaaaaaa", env=key).stored
        with pytest.raises(PullFailed, match=f"it serves digits, digits-aligner, {NAME}"):
            do_pull(tmp_path / "here", cluster.url, model="other/model", env=key)
        with pytest.raises(PullFailed, match="no revision 'v9'"):
            do_pull(tmp_path / "here", cluster.url, model=f"{NAME}@v9", env=key)
    assert (pulled.revision, contents(pulled.folder)) == (there.revision, model())
    assert (digits.folder / "canary.flac").is_file(), "the model's proof travels with it"
    assert {file.checked for file in digits.manifest.files} == {"sha256"}


@pytest.mark.slow
def test_a_harken_that_offers_nothing_is_said_so(tmp_path: Path) -> None:
    """With the key of its configuration that would."""
    with (
        keyed_cluster("stub", tmp_path / "state", {}) as (cluster, secret),
        pytest.raises(PullFailed, match=r"gateway\.serves_models = true"),
    ):
        do_pull(tmp_path / "here", cluster.url, model="digits", env={"HARKEN_API_KEY": secret})
    assert "HARKEN_API_KEY" not in os.environ
