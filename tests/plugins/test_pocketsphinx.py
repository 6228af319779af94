"""Rules of harken.plugins.pocketsphinx and its process, in a real cluster with real speech of another synthesiser."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from harken.errors import ConfigError
from harken.plugin import Setup
from harken.plugins.pocketsphinx import Pocketsphinx
from harken.words import edits, words_of
from tests.cluster import Cluster, running_cluster

SENTENCES = (
    (Path(__file__).parents[2] / "benchmarks" / "data" / "english_sentences.txt").read_text("utf-8").splitlines()
)
ROUTE = "/v1/audio/transcriptions"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two instances with PocketSphinx behind a gateway."""
    with running_cluster("--model", "pocketsphinx", "--instances", "2") as running:
        running.wait_ready(2)
        yield running


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Eight ordinary sentences, spoken by flite's voice `rms`."""
    folder = tmp_path_factory.mktemp("spoken")
    paths = [folder / f"{number}.wav" for number in range(8)]
    for path, text in zip(paths, SENTENCES, strict=False):
        subprocess.run(["flite", "-voice", "rms", "-t", text, "-o", str(path)], check=True, timeout=30)
    return paths


def _ask(cluster: Cluster, path: Path, **fields: Any) -> httpx.Response:
    return httpx.post(f"{cluster.url}{ROUTE}", files={"file": path.read_bytes()}, data=fields, timeout=60)


@pytest.mark.slow
def test_ordinary_english_is_recognised(cluster: Cluster, spoken: list[Path]) -> None:
    """At most every sixth word of a voice that it never heard is wrong; alone and again, the text is the same."""
    texts = [_ask(cluster, path).json()["text"] for path in spoken]
    wanted = [words_of(text) for text in SENTENCES[: len(spoken)]]
    wrong = sum(edits(words, words_of(text)) for words, text in zip(wanted, texts, strict=True))
    assert wrong <= sum(map(len, wanted)) / 6
    assert [_ask(cluster, path).json()["text"] for path in reversed(spoken)] == texts[::-1]


@pytest.mark.slow
def test_words_have_times_in_every_form_that_shows_them(cluster: Cluster, spoken: list[Path]) -> None:
    """The words spell the text, in order and within the recording; subtitles begin and end with speech."""
    form = {"response_format": "verbose_json", "timestamp_granularities[]": "word"}
    answer = _ask(cluster, spoken[0], **form).json()
    words = answer["words"]
    assert " ".join(word["word"] for word in words) == answer["text"]
    edges = [time for word in words for time in (word["start"], word["end"])]
    assert edges == sorted(edges)
    assert 0 <= edges[0] < edges[-1] <= answer["duration"]
    assert "-->" in _ask(cluster, spoken[0], response_format="srt").text
    assert _ask(cluster, spoken[0], response_format="vtt").text.startswith("WEBVTT")
    logprobs = _ask(cluster, spoken[0], **{"include[]": "logprobs"}).json()["logprobs"]
    assert "".join(one["token"] for one in logprobs) == answer["text"]
    assert "transcript.text.done" in _ask(cluster, spoken[0], stream="true").text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "value", "code"),
    [("prompt", "Names.", "unsupported_option"), ("temperature", "0.5", "unsupported_option"),
     ("language", "zh", "unknown_language")],
)  # fmt: skip
def test_what_it_cannot_do_is_refused_with_the_field(
    cluster: Cluster, spoken: list[Path], field: str, value: str, code: str
) -> None:
    """Before anything is recognised, and /v1/models says so beforehand."""
    answer = _ask(cluster, spoken[0], **{field: value})
    assert answer.status_code == 400
    assert (answer.json()["error"]["param"], answer.json()["error"]["code"]) == (field, code)
    served = httpx.get(f"{cluster.url}/v1/models").json()["data"][0]
    assert served["lacks"] == ["context", "temperature", "prefix"]


@pytest.mark.slow
def test_a_killed_instance_comes_back_and_its_decoders_are_gone(cluster: Cluster, spoken: list[Path]) -> None:
    """SIGKILL of the instance ends its decoding processes too; meanwhile the other one answers."""
    victim = next(one for one in cluster.wait_ready(2)["instances"] if one["pid"])["pid"]
    children = psutil.Process(victim).children(recursive=True)
    assert children
    os.kill(victim, signal.SIGKILL)
    assert _ask(cluster, spoken[1]).status_code == 200
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    cluster.wait_ready(2, without=frozenset({victim}))


@pytest.mark.slow
def test_a_decoder_that_dies_costs_nobody_a_text(cluster: Cluster, spoken: list[Path]) -> None:
    """The process of a slot is killed between recordings, and the slot has a new one for the next."""
    instances = cluster.wait_ready(2)["instances"]
    for one in instances:
        for child in psutil.Process(one["pid"]).children():
            child.kill()
    answers = [_ask(cluster, path) for path in spoken[:4]]
    assert [answer.status_code for answer in answers] == [200] * 4


def test_it_takes_no_argument() -> None:
    """A name behind the colon would mean a model that it does not have."""
    with pytest.raises(ConfigError, match="no argument"):
        Pocketsphinx(Setup(argument="de-de"))
