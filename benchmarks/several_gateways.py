"""Three gateways over the same six instances, each machine a network namespace, against one gateway at the same load.

    python -m benchmarks.several_gateways [--seconds 20] [--unplug] [--source FOLDER]

Instances are stubs of a set speed: four slots each, a clip of 5 s alone takes half a second; together six of them do
about 35 a second. Clips arrive at random (Poisson), 24, 38 and 44 a second, first all at one gateway, then at three in
turn. Beside the latencies it samples, five times a second, how many segments each instance holds: how many wait
inside instances (they were sent where nothing was free), and whether a slot was free elsewhere meanwhile. With
`--unplug` one instance's cable is pulled for a third of the time, and only three gateways at 38 a second are run. With
`--source` gateways and instances run another checkout's code, for before and after.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile

from harken.testing.sounds import speech_like
from harken.types import SAMPLE_RATE
from harken.wire import STATE_PATH, unpack_state
from tests.network import Machine, Network, inside_a_network, is_inside

INSTANCES, SLOTS, CLIP_S, RTFX = 6, 4, 5.0, 10.0
CAPACITY = INSTANCES * SLOTS * RTFX / CLIP_S
SHARES = (0.5, 0.8, 0.92)
INSTANCE_PORT, GATEWAY_PORT = 7861, 7860
PATIENCE_S = 60.0


@contextmanager
def process(machine: Machine, *words: str, state: Path, source: str = "") -> Iterator[None]:
    """Run a command of Harken's on a machine."""
    env = {**os.environ, "HARKEN_STATE_FOLDER": str(state / machine.name), "HARKEN_CACHE_BYTES": "0"}
    if source:
        env["PYTHONPATH"] = source
    command = machine.command(sys.executable, "-m", "harken", *words, "--log-level", "error")
    with subprocess.Popen(command, env=env, stdout=sys.stderr, stderr=sys.stderr) as child:
        try:
            yield
        finally:
            child.terminate()
            child.wait(20)


def until_ready(url: str, instances: int) -> None:
    """Wait until a server is, with so many instances."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            health = httpx.get(f"{url}/health", timeout=2).json()
            if sum(one["state"] == "ready" for one in health["instances"]) >= instances:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)  # between two looks
    raise TimeoutError(url)


async def watch(instances: Sequence[Machine], seconds: float) -> dict[str, float]:
    """Look at what instances hold, five times a second."""
    waited, wasted, looks = 0.0, 0.0, 0
    async with httpx.AsyncClient(timeout=1) as client:

        async def held(one: Machine) -> int:
            try:
                answer = await client.get(f"http://{one.address}:{INSTANCE_PORT}{STATE_PATH}")
            except httpx.HTTPError:
                return SLOTS
            return unpack_state(answer.content).in_flight

        end = time.monotonic() + seconds
        while time.monotonic() < end:
            counts = await asyncio.gather(*map(held, instances))
            surplus = sum(max(0, count - SLOTS) for count in counts)
            free = sum(max(0, SLOTS - count) for count in counts)
            waited, wasted, looks = waited + surplus, wasted + min(surplus, free), looks + 1
            await asyncio.sleep(0.2)
    return {
        "waiting_in_instances": waited / max(1, looks),
        "of_these_with_a_free_slot_elsewhere": wasted / max(1, looks),
    }


def load(
    gateways: Sequence[Machine], clips: Path, rate: float, seconds: float, report: Path
) -> subprocess.Popen[bytes]:
    """Begin to send."""
    servers = [word for one in gateways for word in ("--server", f"http://{one.address}:{GATEWAY_PORT}")]
    flags = ("--rate", f"{rate:g}", "--duration-s", f"{seconds:g}", "--warm-up", "24", "--save", str(report))
    command = [sys.executable, "-m", "harken", "bench", str(clips), *servers, *flags]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def measure(
    gateways: Sequence[Machine],
    instances: Sequence[Machine],
    folder: Path,
    share: float,
    seconds: float,
    *,
    unplug: bool,
) -> dict[str, Any]:
    """One load on some gateways."""
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    with load(gateways, folder / "clips", share * CAPACITY, seconds, report) as sender:

        async def story() -> dict[str, float]:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(watch(instances, seconds))
                if unplug:
                    await asyncio.sleep(seconds / 3)
                    instances[2].unplug()
                    await asyncio.sleep(seconds / 3)
                    instances[2].plug_in()
            return watching.result()

        seen = asyncio.run(story())
        sender.wait(PATIENCE_S * 5)
    summary = json.loads(report.read_text())
    return {"gateways": len(gateways), "share": share, **seen, "bench": summary}


def run(seconds: float, source: str, *, unplug: bool) -> list[dict[str, Any]]:
    """All of it, inside the network."""
    network = Network()
    instances = [network.machine(f"i{number}") for number in range(1, INSTANCES + 1)]
    gateways = [network.machine(f"g{number}") for number in range(1, 4)]
    upstreams = " ".join(f"http://{one.address}:{INSTANCE_PORT}#name={one.name}" for one in instances)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "clips").mkdir()
        for seed in range(16):
            samples = speech_like(CLIP_S, seed=seed).astype(np.float32)
            soundfile.write(folder / "clips" / f"{seed}.wav", samples, SAMPLE_RATE)
        for one in instances:
            words = ("serve", "--model", f"stub:rtfx={RTFX:g}", "--slots", str(SLOTS), "--name", one.name)
            stack.enter_context(
                process(one, *words, "--host", one.address, "--port", str(INSTANCE_PORT), state=folder, source=source)
            )
        for one in gateways:
            words = ("up", "--host", one.address, "--port", str(GATEWAY_PORT), "--set", f"fleet.upstreams={upstreams}")
            stack.enter_context(process(one, *words, "--set", "fleet.instances=0", state=folder, source=source))
        for one in gateways:
            until_ready(f"http://{one.address}:{GATEWAY_PORT}", INSTANCES)
        if unplug:
            return [measure(gateways, instances, folder, 0.8, seconds, unplug=True)]
        return [
            measure(some, instances, folder, share, seconds, unplug=False)
            for share in SHARES
            for some in (gateways[:1], gateways)
        ]


def main() -> int:
    """Run, print, and fail where a request failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--unplug", action="store_true")
    parser.add_argument("--source", default="")
    asked = parser.parse_args()
    if not is_inside():
        command = inside_a_network([sys.executable, "-m", "benchmarks.several_gateways", *sys.argv[1:]])
        return subprocess.run(command, check=False).returncode
    results = run(asked.seconds, asked.source, unplug=asked.unplug)
    json.dump(results, sys.stdout, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
