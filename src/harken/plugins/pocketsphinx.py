"""PocketSphinx as an engine: English without a download, on any CPU, with the times of words.

The model is in the wheel of the package `pocketsphinx` (extra `harken[pocketsphinx]`). Each slot is a process of its
own (`sphinx_child`), so several run side by side, and one that hangs or crashes costs its segment alone. Written
against `harken.plugin` and nothing else of Harken. The invariant: a slot's process is between two recordings, or is
ended.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import math
import os
import queue
import re
import select
import signal
import struct
import subprocess
import sys
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harken.plugin import (
    SAMPLE_RATE,
    ConfigError,
    EngineInfo,
    Heard,
    Options,
    Proof,
    Report,
    Setup,
    TokenLogprob,
    Wish,
    Word,
)

MAX_SEGMENT_S = 20.0

_CHILD = Path(__file__).with_name("sphinx_child.py")
_PROOF = Path(__file__).parent / "data" / "pocketsphinx.flac"
_PROOF_TEXT = "please wait in the office until the meeting is over"
_LOOK_S = 0.2
_START_S = 60.0
_SLOWEST_S, _SLOWEST_PER_AUDIO = 30.0, 10.0
"""A recording that takes longer will never be done: its process is ended."""

_VARIANT = re.compile(r"\(\d+\)$")
_LEAST_PROBABILITY = 1e-10


class Pocketsphinx:
    """Implements `harken.plugin.SpeechEngine`; making it is loading it.

    Args:
        setup: without an argument.
    """

    def __init__(self, setup: Setup) -> None:
        if setup.argument:
            raise ConfigError(f"pocketsphinx takes no argument, so nothing like {setup.argument!r}.")
        if importlib.util.find_spec("pocketsphinx") is None:
            raise ConfigError("The package pocketsphinx is not installed: pip install 'harken[pocketsphinx]'.")
        slots = setup.slots or setup.threads
        self.info = EngineInfo(
            name="pocketsphinx-en-us",
            languages=("English",),
            revision=f"pocketsphinx {importlib.metadata.version('pocketsphinx')}",
            max_segment_s=MAX_SEGMENT_S,
            slots=slots,
            honours=frozenset({Wish.LOGPROBS}),
            times_words=True,
            proof=Proof(samples=_proof_samples(), text=_PROOF_TEXT, tolerance=0.2),
        )
        self._children: queue.SimpleQueue[_Child] = queue.SimpleQueue()
        children = [_Child() for _ in range(slots)]
        for child in children:
            child.wait_ready()
            self._children.put(child)

    def recognize(self, samples: NDArray[np.float32], options: Options, report: Report) -> Heard:
        """See `harken.plugin.SpeechEngine`."""
        child = self._children.get()
        try:
            if not child.is_alive:
                child = _Child()
                child.wait_ready()
            found = [one for one in child.decode(samples, report) if not one[0].startswith(("<", "["))]
        finally:
            self._children.put(child)
        words = tuple(Word(text=_VARIANT.sub("", text), start_s=start, end_s=end) for text, start, end, _ in found)
        return Heard(
            text=" ".join(word.text for word in words),
            words=words,
            logprobs=tuple(
                TokenLogprob(token=f"{' ' if place else ''}{word.text}", logprob=_log(one[3]))
                for place, (word, one) in enumerate(zip(words, found, strict=True))
            ),
        )


class _Child:
    """One decoding process; ends when we do, for then its standard input does."""

    def __init__(self) -> None:
        # -P: nothing beside the file, which lies next to our own module `pocketsphinx`, can take a module's place.
        command = [sys.executable, "-P", str(_CHILD)]
        self._process = subprocess.Popen(  # noqa: S603 - our own file
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        weakref.finalize(self, _end, self._process)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def wait_ready(self) -> None:
        """Wait until its model is loaded."""
        told = self._answer(time.monotonic() + _START_S, None)
        if "ready" not in told:
            self._end()
            raise ConfigError(f"PocketSphinx cannot start: {str(told.get('error'))[:300]}")

    def decode(self, samples: NDArray[np.float32], report: Report) -> list[tuple[str, float, float, float]]:
        """Have a recording decoded; whatever goes wrong, the process is ended, so that no answer is left in it."""
        pcm = np.round(np.clip(samples, -1.0, 1.0) * 32_767).astype("<i2").tobytes()
        slowest_s = _SLOWEST_S + _SLOWEST_PER_AUDIO * len(samples) / SAMPLE_RATE
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(struct.pack("<I", len(pcm)) + pcm)
            self._process.stdin.flush()
            answer = self._answer(time.monotonic() + slowest_s, report)
            if "words" not in answer:
                raise RuntimeError(str(answer.get("error"))[:300])
            return [tuple(word) for word in answer["words"]]
        except BaseException:
            self._end()
            raise

    def _answer(self, deadline: float, report: Report | None) -> dict[str, Any]:
        assert self._process.stdout is not None
        while not select.select([self._process.stdout], [], [], _LOOK_S)[0]:
            if report is not None:
                report.progress()
            if time.monotonic() > deadline:
                self._end()
                raise TimeoutError("its process does not answer and was ended")
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise RuntimeError(f"its process ended with code {self._process.returncode}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _end(self) -> None:
        _end(self._process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)  # its copy too, which is decoding
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):  # what could not be written any more
                pipe.close()


def _proof_samples() -> NDArray[np.float32]:
    import soundfile

    samples, _ = soundfile.read(_PROOF, dtype="float32")
    found: NDArray[np.float32] = samples
    return found


def _log(probability: float) -> float:
    return math.log(min(max(probability, _LEAST_PROBABILITY), 1.0))
