"""Which kernels a step spends its time in: `python -m benchmarks.engine.profile --model 1.7b --device cuda`.

Prompts are run into their slots, and then decode steps of all slots are recorded by torch's profiler; so is one more
prefill. Prints, for each, how long it took, the share of that time in which the GPU computed (the sum of its kernels'
times), and the kernels or operators that took most of it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.engine.arithmetic import Clip
from benchmarks.engine.checkpoint import find_model
from benchmarks.engine.forced import KINDS, load_forced
from harken.engine.load import choose_device
from harken.testing import speech_like
from harken.types import Options

_PREFILL_AUDIO_S = 120.0
_WARM_UP_STEPS = 5


def record(work: Callable[[], None], device: str, *, title: str, rows: int) -> str:
    """Run something under the profiler and describe it."""
    is_gpu = device.startswith("cuda")
    with profile(activities=[ProfilerActivity.CUDA if is_gpu else ProfilerActivity.CPU]) as found:
        began = time.perf_counter()
        work()
        if is_gpu:
            torch.cuda.synchronize(device)
        seconds = time.perf_counter() - began
    averages = found.key_averages()
    spent = sum(one.self_device_time_total if is_gpu else one.self_cpu_time_total for one in averages) / 1e6
    order = "self_device_time_total" if is_gpu else "self_cpu_time_total"
    head = f"{title}: {seconds * 1e3:.2f} ms, of which {spent / seconds:.1%} in these:"
    return f"{head}\n{averages.table(sort_by=order, row_limit=rows, max_name_column_width=100)}"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="0.6b")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--kind", choices=KINDS, default="bfloat16")
    parser.add_argument("--at-a-time", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rows", type=int, default=25)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    device, clip = choose_device(options.device), Clip.of(options.seconds)
    with tempfile.TemporaryDirectory(prefix="harken-engine-") as folder:
        model = load_forced(find_model(options.model, options.work or Path(folder)), options.kind, device)
        slots = list(range(options.at_a_time))
        prompt = model.prompt(speech_like(clip.audio_s), Options())
        room = prompt.length + _WARM_UP_STEPS + options.steps + 1
        cache = model.open_cache(slots=len(slots), max_tokens=room)
        together = max(1, int(_PREFILL_AUDIO_S // clip.audio_s))
        tokens = [0] * len(slots)

        def prefill(some: list[int]) -> None:
            for slot, token in zip(some, model.prefill(cache, [prompt] * len(some), some).tokens, strict=True):
                tokens[slot] = token

        def decode(first: int, count: int) -> None:
            for place in range(first, first + count):
                tokens[:] = model.decode(cache, slots, tokens, [prompt.length + place] * len(slots)).tokens

        for begin in range(0, len(slots), together):
            prefill(slots[begin : begin + together])
        few = slots[:together]
        title = f"one prefill of {len(few)} clips of {clip.audio_s:g} s"
        print(record(lambda: prefill(few), device, title=title, rows=options.rows), flush=True)
        decode(0, _WARM_UP_STEPS)
        title = f"{options.steps} decode steps of {len(slots)} slots"
        work = lambda: decode(_WARM_UP_STEPS, options.steps)  # noqa: E731 - as short as what it is for
        print(record(work, device, title=title, rows=options.rows), flush=True)


if __name__ == "__main__":
    main()
