"""A process that loads a checkpoint, is ready, and recognises ten clips: `startup` starts it and reads its line.

    python -m benchmarks.engine.start FOLDER KIND DEVICE AUDIO_S BEGAN

BEGAN is `time.monotonic()` of the starting process, whose clock is this one's, too.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

COUNT = 10


def main() -> None:
    """Print one JSON object: seconds since the start at each stage, and the latencies of the first requests."""
    folder, kind, device, audio_s, began = sys.argv[1:]
    since = float(began)
    stages = {"python": time.monotonic() - since}
    import torch

    from benchmarks.engine.arithmetic import Clip, forced_tokens
    from benchmarks.engine.forced import load_forced
    from harken.engine.engine import Engine
    from harken.testing import speech_like
    from harken.types import Options, Segment

    if device.startswith("cuda"):
        torch.cuda.init()  # type: ignore[no-untyped-call]
    stages["imported"] = time.monotonic() - since
    clip = Clip.of(float(audio_s))
    model = load_forced(Path(folder), kind, device)
    stages["loaded"] = time.monotonic() - since

    async def recognise() -> list[float]:
        taken = []
        async with Engine(model, slots=8, waiting=0, cap=forced_tokens) as engine:
            stages["ready"] = time.monotonic() - since
            for number in range(COUNT):
                segment = Segment(samples=speech_like(clip.audio_s, seed=number), request_id="start", index=number)
                before = time.perf_counter()
                await engine.recognize(segment, Options())
                taken.append(time.perf_counter() - before)
        return taken

    latencies = asyncio.run(recognise())
    print(json.dumps({"stages": stages, "latencies": latencies}))


if __name__ == "__main__":
    main()
