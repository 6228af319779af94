"""What is looked up at a scrape: the queue, the targets, the machine, as Prometheus has them. Pure.

What cannot be known has no sample, rather than a zero that somebody believes. The invariant: a name and its labels mean
the same on a gateway, about its targets, and on an instance, about itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

import harken
from harken.dispatch.stats import Stats
from harken.errors import SessionExpired, SessionIdle, SlowReader
from harken.telemetry.look import GpuLook, Look, MachineLook, QueueLook
from harken.transcribe.cache.counts import Counts
from harken.types import Figures, InstanceHealth, LiveFigures

_TARGET = ("target",)


def families(look: Look) -> Iterator[Metric]:
    """Write a look as metrics."""
    yield from _server(look)
    yield from _queue(look.queue)
    if look.files_waiting is not None:
        yield _one("harken_job_files_waiting", "Files of jobs that nobody works on yet.", look.files_waiting)
    yield from _targets(look.health.instances)
    yield from _engines([(one.name, one.figures) for one in look.health.instances if one.figures is not None])
    yield from _machine(look.machine)
    if look.stats is not None:
        yield from _dispatch(look.stats)
    if look.cache is not None:
        yield _cache(look.cache)
    if look.live is not None:
        yield from _live(look.live)


def _server(look: Look) -> Iterator[Metric]:
    labels = ("server", "kind", "version", "model")
    info = GaugeMetricFamily("harken_info", "1; the labels say which server this is.", labels=labels)
    info.add_metric((look.health.name, look.kind, harken.__version__, look.health.model), 1)
    yield info
    yield _one("harken_ready", "1 while a recording sent now would be transcribed.", float(look.health.is_ready))
    text = "By how many seconds the server's event loop was late at worst in the last seconds."
    yield _one("harken_loop_lag_seconds", text, look.health.loop_lag_s)
    stores = GaugeMetricFamily("harken_store_ready", "1 while it could be reached lately.", labels=("store",))
    _fill(stores, ((name, float(is_there)) for name, is_there in sorted(look.stores.items())))
    if look.stores:
        yield stores


def _queue(queue: QueueLook) -> Iterator[Metric]:
    segments = GaugeMetricFamily("harken_queue_segments", "Segments that wait for a slot.", labels=("class",))
    audio = GaugeMetricFamily("harken_queue_audio_seconds", "Seconds of audio in them.", labels=("class",))
    for one in queue.classes:
        segments.add_metric((one.priority,), one.segments)
        audio.add_metric((one.priority,), one.audio_s)
    yield segments
    yield audio
    if queue.classes:
        text = "Seconds of audio that may wait now, of all that are not batch."
        yield _one("harken_queue_limit_audio_seconds", text, queue.limit_audio_s)
        yield _one("harken_queue_oldest_seconds", "How long the first in the queue has waited.", queue.oldest_wait_s)


def _targets(lines: tuple[InstanceHealth, ...]) -> Iterator[Metric]:
    states = GaugeMetricFamily("harken_targets", "Instances by state.", labels=("state",))
    for state, count in sorted(Counter(line.state for line in lines).items()):
        states.add_metric((state,), count)
    yield states
    for name, text, value in _TARGET_GAUGES:
        family = GaugeMetricFamily(f"harken_target_{name}", text, labels=_TARGET)
        _fill(family, ((line.name, value(line)) for line in lines))
        yield family
    restarts = CounterMetricFamily(
        "harken_target_restarts", "Starts of an instance's process after its first.", labels=_TARGET
    )
    _fill(restarts, ((line.name, line.restarts) for line in lines))
    yield restarts


def _figures(line: InstanceHealth) -> Figures:
    return line.figures or Figures()


_TARGET_GAUGES: tuple[tuple[str, str, Callable[[InstanceHealth], float | None]], ...] = (
    ("ready", "1 while an instance takes work without restriction.", lambda line: float(line.state == "ready")),
    ("in_flight", "Segments on it.", lambda line: line.in_flight),
    ("limit", "Segments that it is given at a time now.", lambda line: line.limit),
    ("slots", "Segments that it could run at a time.", lambda line: line.slots),
    ("last_success_seconds", "Seconds since it last recognised something.", lambda line: line.last_success_s),
    ("loop_lag_seconds", "By how much its event loop was late at worst lately.", lambda line: line.loop_lag_s),
    ("memory_bytes", "RAM that its process holds.", lambda line: _figures(line).memory_bytes),
    ("gpu_memory_bytes", "GPU memory that it holds.", lambda line: _figures(line).gpu_memory_bytes),
)


_ENGINE_COUNTERS: tuple[tuple[str, str, Callable[[Figures], float]], ...] = (
    ("busy_seconds", "Seconds inside the model.", lambda one: one.busy_s),
    ("audio_seconds", "Seconds of audio recognised.", lambda one: one.audio_s),
    ("tokens", "Tokens written.", lambda one: one.tokens),
)

_GPU_GAUGES: tuple[tuple[str, str, Callable[[GpuLook], float | None]], ...] = (
    ("busy_ratio", "Busy part of a GPU's last moment, 0 to 1.", lambda gpu: gpu.busy),
    ("memory_used_bytes", "GPU memory that is held.", lambda gpu: gpu.memory_bytes),
    ("memory_total_bytes", "GPU memory that there is.", lambda gpu: gpu.memory_total_bytes),
)


def _engines(told: list[tuple[str, Figures]]) -> Iterator[Metric]:
    for name, text, value in _ENGINE_COUNTERS:
        family = CounterMetricFamily(f"harken_engine_{name}", text, labels=_TARGET)
        _fill(family, ((target, value(figures)) for target, figures in told))
        yield family
    steps = CounterMetricFamily("harken_engine_steps", "Steps of the model.", labels=("target", "kind"))
    for target, figures in told:
        steps.add_metric((target, "prefill"), figures.prefills)
        steps.add_metric((target, "decode"), figures.decodes)
    yield steps
    waiting = GaugeMetricFamily("harken_engine_waiting", "Segments in it that have no slot yet.", labels=_TARGET)
    _fill(waiting, ((target, figures.waiting) for target, figures in told))
    yield waiting


def _machine(machine: MachineLook) -> Iterator[Metric]:
    for name, text, value in (
        ("harken_cpu_busy_ratio", "Busy part of the CPU, 0 to 1.", machine.cpu_busy),
        ("harken_memory_used_bytes", "RAM that is held.", machine.memory_bytes),
        ("harken_memory_total_bytes", "RAM that there is.", machine.memory_total_bytes),
    ):
        if value is not None:
            yield _one(name, text, value)
    for name, text, of in _GPU_GAUGES:
        family = GaugeMetricFamily(f"harken_gpu_{name}", text, labels=("gpu",))
        _fill(family, ((str(gpu.index), of(gpu)) for gpu in machine.gpus))
        yield family


def _dispatch(stats: Stats) -> Iterator[Metric]:
    for name, text, value in (
        ("harken_retries", "Further tries that failed segments asked for.", stats.retries),
        ("harken_replays", "Further tries of segments whose instance was lost under them.", stats.replays),
        ("harken_turned_away", "Attempts that a full or leaving target refused.", stats.turned_away),
        ("harken_ejections", "How often a target was set aside.", stats.ejections),
    ):
        yield CounterMetricFamily(name, text, value=value)
    hedges = CounterMetricFamily("harken_hedges", "Second tries beside a late first one.", labels=("outcome",))
    hedges.add_metric(("won",), stats.hedges_won)
    hedges.add_metric(("failed",), stats.hedges_failed)
    hedges.add_metric(("lost",), max(0, stats.hedges - stats.hedges_won - stats.hedges_failed))
    yield hedges


def _cache(counts: Counts) -> Metric:
    family = CounterMetricFamily("harken_cache_lookups", "Segments by what the cache knew.", labels=("outcome",))
    for outcome, count in (("hit", counts.hits), ("joined", counts.joined), ("miss", counts.misses)):
        family.add_metric((outcome,), count)
    return family


_LIVE_GAUGES: tuple[tuple[str, str, Callable[[LiveFigures], float]], ...] = (
    ("sessions", "Live sessions that are open.", lambda live: live.sessions),
    ("sessions_limit", "Live sessions that there may be.", lambda live: live.limit),
    ("speaking", "Live sessions in which somebody speaks now.", lambda live: live.speaking),
    ("away", "Live sessions whose connection broke, and whose client may come back.", lambda live: live.away),
)

_LIVE_COUNTERS: tuple[tuple[str, str, Callable[[LiveFigures], float]], ...] = (
    ("opened", "Live sessions that were opened.", lambda live: live.opened),
    ("refused", "Live sessions that were refused for want of capacity.", lambda live: live.refused),
    ("turns", "Turns that have their final text.", lambda live: live.completed),
    ("turns_at_odds", "Of these, those whose final text did not begin with what was shown.", lambda live: live.at_odds),
    ("audio_seconds", "Seconds of sound that live sessions took.", lambda live: live.audio_s),
)


_LIVE_ENDS = ("finished", "left", SessionIdle.code, SessionExpired.code, SlowReader.code)
"""Those that there are from the start: a counter that appears with its first failure shows no increase by it."""


def _live(live: LiveFigures) -> Iterator[Metric]:
    for name, text, value in _LIVE_GAUGES:
        yield _one(f"harken_live_{name}", text, value(live))
    for name, text, value in _LIVE_COUNTERS:
        yield CounterMetricFamily(f"harken_live_{name}", text, value=value(live))
    ended = CounterMetricFamily("harken_live_ended", "Live sessions that ended, by the reason.", labels=("reason",))
    for reason, count in sorted({**dict.fromkeys(_LIVE_ENDS, 0), **live.ended}.items()):
        ended.add_metric((reason,), count)
    yield ended


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _fill(family: GaugeMetricFamily | CounterMetricFamily, samples: Iterable[tuple[str, float | None]]) -> None:
    for label, value in samples:
        if value is not None:
            family.add_metric((label,), value)
