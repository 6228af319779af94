"""Rules of harken.plugin.find."""

from __future__ import annotations

from pathlib import Path

import pytest

from harken.engine.resolve import resolve_model
from harken.errors import ConfigError
from harken.plugin.find import find, is_engine, names
from tests.plugin.installed import install


def test_an_engine_is_found_by_its_name_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands behind a colon is its argument; its module may be broken, nobody notices here."""
    install(tmp_path, "acme", "acme-asr", source="raise RuntimeError")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = find("acme-asr:big:v2")
    assert found is not None
    assert (found.name, found.package, found.version, found.argument) == ("acme-asr", "acme", "1.0", "big:v2")
    assert {"acme-asr", "pocketsphinx"} <= set(names())
    assert is_engine("acme-asr:big")
    for other in ("acme", "Qwen/Qwen3-ASR-1.7B", "", "./acme-asr", "acme-asr@v1", "stub:rtfx=1"):
        assert find(other) is None
        assert not is_engine(other)


def test_a_name_that_two_engines_have_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is one that means something else already; the message says whose they are."""
    install(tmp_path, "acme", "same")
    install(tmp_path, "zenith", "same")
    install(tmp_path, "cheeky", "digits")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="acme, zenith"):
        find("same")
    with pytest.raises(ConfigError, match=r"cheeky .*Harken's own"):
        find("digits")
    assert not is_engine("digits")


def test_an_unknown_name_says_which_engines_are_installed() -> None:
    """Beside the other things that a model's name may be."""
    with pytest.raises(ConfigError, match=r"an installed engine \(.*pocketsphinx.*\)"):
        resolve_model("pocketsfinx")
