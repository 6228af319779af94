"""Rules of harken.engine.load_plugin."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harken.config import InstanceConfig
from harken.engine.load import load
from harken.errors import CanaryFailed, ConfigError, HarkenError, PluginFailed
from harken.types import Options
from tests.plugin.installed import install

_GOOD = """
import numpy as np
from harken.plugin import EngineInfo, Heard, Proof

class Engine:
    def __init__(self, setup):
        self.setup = setup
        self.info = EngineInfo(name="acme", languages=("English",){more})

    def recognize(self, samples, options, report):
        return Heard(text="hello")
"""
_PROOF = ', proof=Proof(samples=np.zeros(16000, "f4"), text="hello"), times_words=True, slots=3'


def _load(folder: Path, monkeypatch: pytest.MonkeyPatch, source: str, config: InstanceConfig) -> object:
    package = f"acme_{abs(hash(folder))}"  # another module each time: Python keeps those that it has imported
    install(folder, package, "acme", source=source)
    monkeypatch.syspath_prepend(str(folder))
    return load(config)


def test_an_engine_is_loaded_and_proves_itself_with_its_own_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many slots as it says or fewer; its version is its revision; the aligner's setting takes its words away."""
    install(tmp_path, "acme_good", "acme", source=_GOOD.replace("{more}", _PROOF))
    monkeypatch.syspath_prepend(str(tmp_path))

    async def model(config: InstanceConfig) -> tuple[int, bool, str]:
        loaded = load(config)
        async with loaded.engine as engine:
            await loaded.canary.check(engine)
            info = await engine.model()
            return info.slots, info.aligner is not None, info.revision

    assert asyncio.run(model(InstanceConfig(model="acme"))) == (3, True, "acme_good 1.0")
    assert asyncio.run(model(InstanceConfig(model="acme", slots=2, aligner="none"))) == (2, False, "acme_good 1.0")
    for wrong in (InstanceConfig(model="acme", slots=4), InstanceConfig(model="acme", quantize="int8")):
        with pytest.raises(ConfigError):
            load(wrong)


@pytest.mark.parametrize(
    ("source", "kind", "told"),
    [
        ("raise RuntimeError('no licence')", PluginFailed, "cannot be imported: RuntimeError: no licence"),
        ("raise SystemExit(1)", PluginFailed, "cannot be imported: SystemExit: 1"),
        ("", PluginFailed, "cannot be imported: AttributeError"),
        ("def Engine(setup): raise OSError('no weights')", PluginFailed, "cannot be loaded: OSError: no weights"),
        ("def Engine(setup): return 7", PluginFailed, "does not say what it is"),
        (_GOOD.replace("{more}", ', max_segment_s=float("nan")'), PluginFailed, "max_segment_s is nan"),
        (_GOOD.replace("{more}", ", slots=0"), PluginFailed, "slots is 0"),
        (_GOOD.replace('("English",)', '("Klingon",)').replace("{more}", ""), PluginFailed, "languages are 'Klingon'"),
        (_GOOD.replace('("English",)', '("German",)').replace("{more}", ""), PluginFailed, "must bring a proof"),
        (_GOOD.replace("{more}", ', max_segment_s="30"'), PluginFailed, "max_segment_s is '30' instead of a number"),
        (_GOOD.replace('("English",)', "5").replace("{more}", ""), PluginFailed, "languages is 5"),
        (
            "class Engine:\n    def __init__(self, _): 0\n    @property\n    def info(self): raise SystemExit(0)",
            PluginFailed,
            "does not say what it is: SystemExit: 0",
        ),
        (_GOOD.replace("{more}", _PROOF.replace("hello", "...")), PluginFailed, "nothing is said"),
    ],
)
def test_what_goes_wrong_in_it_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, kind: type[HarkenError], told: str
) -> None:
    """At its import, in its factory, in what it says of itself; with its name and its package's."""
    with pytest.raises(kind, match=told) as caught:
        _load(tmp_path, monkeypatch, source, InstanceConfig(model="acme"))
    assert "'acme' of acme_" in caught.value.message


def test_an_engine_that_does_not_recognise_the_packaged_digits_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it brings no recording of its own, it has to know those."""
    install(tmp_path, "acme_wrong", "acme", source=_GOOD.replace("{more}", ""))
    monkeypatch.syspath_prepend(str(tmp_path))

    async def main() -> None:
        loaded = load(InstanceConfig(model="acme"))
        async with loaded.engine as engine:
            with pytest.raises(CanaryFailed, match="hello"):
                await loaded.canary.check(engine)

    asyncio.run(main())


@pytest.mark.slow
def test_an_instance_of_a_broken_engine_is_broken_at_start(tmp_path: Path) -> None:
    """Exit code 3, with the reason as the last line; what the package printed stays out of the announcements."""
    install(tmp_path, "acme_broken", "acme", source="print('noise')\nraise RuntimeError('no licence')")
    command = [sys.executable, "-m", "harken", "serve", "--model", "acme", "--port", "0"]
    paths = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    last = done.stderr.strip().splitlines()[-1]
    assert last.endswith("The engine 'acme' of acme_broken 1.0 cannot be imported: RuntimeError: no licence")
    assert "plugin_failed" in last


@pytest.mark.slow
def test_an_aligner_that_is_named_times_the_words_of_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that tells no times gets them from one of ours; by itself ("auto") none is loaded."""
    source = _GOOD.replace("{more}", "").replace("hello", "three one four seven nine")
    install(tmp_path, "acme_timed", "acme", source=source)
    monkeypatch.syspath_prepend(str(tmp_path))

    async def main() -> None:
        plain = load(InstanceConfig(model="acme"))
        assert (await plain.engine.model()).aligner is None
        loaded = load(InstanceConfig(model="acme", aligner="digits-aligner"))
        async with loaded.engine as engine:
            found = await engine.recognize(loaded.canary.segment(), Options(wants_words=True))
        assert [word.text for word in found.words or ()] == ["three", "one", "four", "seven", "nine"]

    asyncio.run(main())
