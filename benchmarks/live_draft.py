"""What does one draft of live transcription cost, and what does a prefix save?

The engine recognises windows of 2 to 16 s of spoken digits, without a prefix and with all of its own answer but the
last three words; that again with the finished windows of the sound in the encoder's cache, as a draft after the first
finds them. The best of many rounds counts: what else runs on the machine only adds. Writes
benchmarks/results/live_draft.md and .json.

Usage: python -m benchmarks.live_draft [--model digits] [--rounds 7]
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.engine.checkpoint import find_model
from benchmarks.live_windows import RESULTS, digits_in_a_row
from benchmarks.machine import commit, machine
from harken.engine.engine import Engine
from harken.events import Event, Span, Stage
from harken.qwen3_asr.encoder_cache import EncoderCache
from harken.qwen3_asr.model import Qwen3ASR
from harken.types import SAMPLE_RATE, Options, Segment

WINDOWS_S = (2.0, 4.0, 8.0, 12.0, 16.0)
OPEN_WORDS = 3
"""Words at the end that a draft still has to write."""

_CACHE_BYTES = 1 << 28


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """One kind of draft; milliseconds are of the best round."""

    window_s: float
    way: str
    words: int
    written: int
    prefill_ms: float
    decode_ms: float
    cpu_ms: float


class Watch:
    """Remembers the stages of the last segment."""

    def __init__(self) -> None:
        self.ms: dict[Stage, float] = {}

    def tell(self, event: Event) -> None:
        """Take a fact of the engine."""
        if isinstance(event, Span):
            self.ms[event.stage] = (event.ended - event.began) * 1000


@dataclass(kw_only=True, slots=True)
class Case:
    """One kind of draft, and what its rounds took."""

    window_s: float
    way: str
    prefix: str
    cache: EncoderCache
    words: int = 0
    written: int = 0
    took: list[tuple[float, float, float]] = field(default_factory=list)

    def draft(self) -> Draft:
        """The best of its rounds, each figure by itself."""
        prefill_ms, decode_ms, cpu_ms = (round(min(ms), 1) for ms in zip(*self.took, strict=True))
        return Draft(
            window_s=self.window_s,
            way=self.way,
            words=self.words,
            written=self.written,
            prefill_ms=prefill_ms,
            decode_ms=decode_ms,
            cpu_ms=cpu_ms,
        )


async def measure(model: Qwen3ASR, rounds: int) -> list[Draft]:
    """All windows, all ways, round by round, so that a busy minute of the machine's meets all of them."""
    watch, cases = Watch(), list[Case]()
    sound = digits_in_a_row("English", max(WINDOWS_S))
    async with Engine(model, slots=2, waiting=2) as engine:
        engine.listen(watch.tell)

        async def once(case: Case) -> str:
            model.network.encoder_cache = case.cache
            segment = Segment(samples=sound[: round(case.window_s * SAMPLE_RATE)], request_id="draft")
            began = time.process_time()
            told = await engine.recognize(segment, Options(language="English", prefix=case.prefix))
            spent_ms = (time.process_time() - began) * 1000
            case.took.append((watch.ms[Stage.PREFILL], watch.ms[Stage.GENERATE], spent_ms))
            case.words, case.written = len(told.text.split()), told.tokens
            return told.text

        for window_s in WINDOWS_S:
            whole = Case(window_s=window_s, way="whole", prefix="", cache=EncoderCache(0))
            prefix = " ".join((await once(whole)).split()[:-OPEN_WORDS])
            behind = Case(window_s=window_s, way="with a prefix", prefix=prefix, cache=EncoderCache(0))
            warm = Case(
                window_s=window_s, way=f"{behind.way}, windows known", prefix=prefix, cache=EncoderCache(_CACHE_BYTES)
            )
            await once(warm)
            warm.took.clear()
            cases += [whole, behind, warm]
        for _ in range(rounds):
            for case in cases:
                await once(case)
    return [case.draft() for case in cases]


def report(facts: dict[str, object], drafts: list[Draft]) -> str:
    """The figures as a Markdown page."""
    head = (
        "| window, s | draft | words of the text | tokens written | prefill ms | decode ms | together | CPU ms |\n"
        "|---|---|---|---|---|---|---|---|\n"
    )
    rows = "".join(
        f"| {one.window_s:g} | {one.way} | {one.words} | {one.written} | {one.prefill_ms:g} | {one.decode_ms:g} "
        f"| {one.prefill_ms + one.decode_ms:.1f} | {one.cpu_ms:g} |\n"
        for one in drafts
    )
    notes = "".join(f"- {key}: {value}\n" for key, value in facts.items())
    return f"# What a live draft costs\n\n{head}{rows}\n{notes}"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="digits", help="digits, a folder, or a size with random weights (0.6b)")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--out", type=Path, default=RESULTS / "live_draft.md")
    given = parser.parse_args()
    before = os.getloadavg()[0]
    model = Qwen3ASR.load(find_model(given.model, Path(tempfile.gettempdir()) / "harken-live-windows"))
    known_s = model.info.max_segment_s
    model.info = dataclasses.replace(model.info, max_segment_s=max(known_s, *WINDOWS_S))
    drafts = asyncio.run(measure(model, given.rounds))
    facts: dict[str, object] = {
        "model": f"{given.model}, made for segments of up to {known_s:g} s: longer ones show the cost, not its ear",
        "prefix": f"all of its own answer but the last {OPEN_WORDS} words",
        "machine": machine(),
        "load average": f"{before:.2f} before, {os.getloadavg()[0]:.2f} after; 1 would be this benchmark alone",
        "commit": commit(),
        "figures": f"each the least of {given.rounds} rounds; prefill and decode by the wall clock of a shared machine",
    }
    given.out.parent.mkdir(exist_ok=True)
    given.out.write_text(report(facts, drafts), encoding="utf-8")
    found = {"facts": facts, "drafts": [asdict(one) for one in drafts]}
    given.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(report(facts, drafts))


if __name__ == "__main__":
    main()
