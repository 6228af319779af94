"""The example of an engine of a third party: installed by pip, used through a whole cluster."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import soundfile

from tests.cluster import running_cluster

EXAMPLE = Path(__file__).parents[2] / "examples" / "third_party_engine"
MODULE = EXAMPLE / "harken_morse.py"


def test_the_example_is_short() -> None:
    """An engine in less than sixty lines, for that is what the documentation promises."""
    assert len(MODULE.read_text(encoding="utf-8").splitlines()) < 60


@pytest.mark.slow
def test_an_installed_engine_serves_in_a_cluster(tmp_path: Path) -> None:
    """Pip installs it, `--model morse` serves it: text, times of words, and a refusal of what it cannot do."""
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*pip, str(EXAMPLE)], check=True, timeout=100)
    spec = importlib.util.spec_from_file_location("harken_morse", MODULE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    soundfile.write(tmp_path / "keyed.wav", module.keyed("the quick brown fox 1984 sos"), 16_000)
    paths = os.pathsep.join(filter(None, (str(target), os.environ.get("PYTHONPATH"))))
    with running_cluster("--model", "morse", "--instances", "1", env={"PYTHONPATH": paths}) as cluster:
        cluster.wait_ready(1)
        form = {"response_format": "verbose_json", "timestamp_granularities[]": "word"}
        recording = (tmp_path / "keyed.wav").read_bytes()
        url = f"{cluster.url}/v1/audio/transcriptions"
        answer = httpx.post(url, files={"file": recording}, data=form, timeout=60).json()
        assert answer["text"] == "the quick brown fox 1984 sos"
        assert [word["word"] for word in answer["words"]] == answer["text"].split()
        refused = httpx.post(url, files={"file": recording}, data={"include[]": "logprobs"}, timeout=60)
        assert refused.json()["error"]["param"] == "include"
