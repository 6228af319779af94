"""For each alert, what makes it fire, and what is beside it and must not: as promtool's test files have it.

Values are in promtool's short form, one a minute: "0+3x60" rises by 3 sixty times.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SERVER = 'cluster="asr", instance="gateway:7860", job="harken"'
UP = f"up{{{SERVER}}}"

FOR_LONG = "x120"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One little world.

    Attributes:
        about: the alert that it is about.
        series: series → values.
        at: when it is looked at.
        fires: all alerts that fire then; none where the case is beside its alert.
        why: what is so in it.
        still_quiet_at: when it is so already, but not for long enough; "" where nobody waits.
    """

    about: str
    series: dict[str, str]
    at: str
    why: str
    fires: tuple[str, ...] = field(default=())
    still_quiet_at: str = ""

    def written(self) -> dict[str, Any]:
        """Write it as one of promtool's tests."""
        series = {UP: f"1{FOR_LONG}", **self.series}
        return {
            "name": f"{self.about}: {self.why}",
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items() if values],
        }


def requests(outcome: str, values: str) -> dict[str, str]:
    """Requests that ended so."""
    labels = f'{SERVER}, route="/asr", class="interactive", outcome="{outcome}"'
    return {f"harken_requests_total{{{labels}}}": values}


def of_server(metric: str, values: str, labels: str = "") -> dict[str, str]:
    """A series of the gateway."""
    return {f"{metric}{{{SERVER}{labels}}}": values}


def of_target(metric: str, values: str) -> dict[str, str]:
    """A series about one of its instances."""
    return of_server(metric, values, ', target="asr-1"')


def buckets(metric: str, labels: str, late: tuple[float, float], *, percent: int = 10) -> dict[str, str]:
    """A histogram: of a hundred each minute, so many took between these two times, the others less."""
    counts = {f"{late[0]:g}": 100 - percent, f"{late[1]:g}": 100, "+Inf": 100}
    return {f'{metric}_bucket{{{SERVER}, {labels}, le="{le}"}}': f"0+{count}{FOR_LONG}" for le, count in counts.items()}


def final_text(late: tuple[float, float]) -> dict[str, str]:
    """Of a hundred turns a minute, ten had their final text so late."""
    name = "harken_live_final_seconds_bucket"
    return {
        f'{name}{{{SERVER}, le="{le}"}}': f"0+{count}{FOR_LONG}"
        for le, count in ((f"{late[0]:g}", 90), (f"{late[1]:g}", 100), ("+Inf", 100))
    }


def memory(metric: str, percent: int, labels: str = "") -> dict[str, str]:
    """So much of a memory is used."""
    return of_server(f"{metric}_used_bytes", f"{percent}{FOR_LONG}", labels) | of_server(
        f"{metric}_total_bytes", f"100{FOR_LONG}", labels
    )


def queue(*, live: int, interactive: int, batch: int) -> dict[str, str]:
    """So many audio-seconds wait; 14,400 may, and batch beside them."""
    return {
        **of_server("harken_queue_audio_seconds", f"{live}{FOR_LONG}", ', class="live"'),
        **of_server("harken_queue_audio_seconds", f"{interactive}{FOR_LONG}", ', class="interactive"'),
        **of_server("harken_queue_audio_seconds", f"{batch}{FOR_LONG}", ', class="batch"'),
        **of_server("harken_queue_limit_audio_seconds", f"14400{FOR_LONG}"),
    }


def failing(percent: float) -> dict[str, str]:
    """Of a thousand requests a minute, so many percent fail."""
    bad = round(percent * 10)
    return requests("done", f"0+{1000 - bad}{FOR_LONG}") | requests("instance_failed", f"0+{bad}{FOR_LONG}")


PACES = ("HarkenBudgetBurnsFast", "HarkenBudgetBurns", "HarkenBudgetBurnsSlowly", "HarkenBudgetIsUsedUp")

PRESENCE = [
    Case(
        about="HarkenMissing",
        why="it does not answer",
        series={UP: "0x10"},
        at="4m",
        fires=("HarkenMissing",),
        still_quiet_at="1m",
    ),
    Case(
        about="HarkenMissing",
        why="nobody scrapes it",
        series={UP: ""},
        at="4m",
        fires=("HarkenMissing",),
        still_quiet_at="1m",
    ),
    Case(about="HarkenMissing", why="it missed one look", series={UP: "1 1 0 1x10"}, at="6m"),
    Case(
        about="HarkenMissing",
        why="an instance that is not there is known to the gateway",
        series={'up{job="harken-instances", instance="asr-4:7864", cluster="asr"}': "0x20"},
        at="15m",
    ),
    Case(
        about="HarkenNotReady",
        why="no instance is",
        series=of_server("harken_ready", "1 0x10"),
        at="5m",
        fires=("HarkenNotReady",),
        still_quiet_at="1m",
    ),
    Case(about="HarkenNotReady", why="for a moment", series=of_server("harken_ready", "1 0 1x10"), at="5m"),
    Case(
        about="HarkenStoreAway",
        why="one of three gateways cannot reach Redis",
        series=of_server("harken_store_ready", f"0{FOR_LONG}", ', store="counts"')
        | {'harken_store_ready{cluster="asr", instance="gw-2:7860", job="harken", store="counts"}': f"1{FOR_LONG}"},
        at="5m",
        fires=("HarkenStoreAway",),
        still_quiet_at="1m",
    ),
    Case(
        about="HarkenStoreAway",
        why="a minute's restart",
        series=of_server("harken_store_ready", "1 0 1x60", ', store="cache"'),
        at="10m",
    ),
    Case(
        about="HarkenInstanceNotReady",
        why="one of two is down",
        series={**of_target("harken_target_ready", "1 0x20"), **of_server("harken_ready", "1x20")},
        at="8m",
        fires=("HarkenInstanceNotReady",),
        still_quiet_at="5m",
    ),
    Case(
        about="HarkenInstanceNotReady",
        why="it loads for four minutes",
        series=of_target("harken_target_ready", "0x3 1x20"),
        at="12m",
    ),
    Case(
        about="HarkenInstanceRestarting",
        why="three times",
        series=of_target("harken_target_restarts_total", "0 0 0 1 1 2 2 3x20"),
        at="15m",
        fires=("HarkenInstanceRestarting",),
    ),
    Case(
        about="HarkenInstanceRestarting",
        why="twice",
        series=of_target("harken_target_restarts_total", "0 0 0 1 1 2x20"),
        at="15m",
    ),
    Case(
        about="HarkenInstanceRestarting",
        why="three times, an hour ago",
        series=of_target("harken_target_restarts_total", "0 1 2 3x100"),
        at="60m",
    ),
    Case(
        about="HarkenInstancesSetAside",
        why="four times",
        series=of_server("harken_ejections_total", "0 1 1 2 3 4x30"),
        at="20m",
        fires=("HarkenInstancesSetAside",),
    ),
    Case(
        about="HarkenInstancesSetAside",
        why="twice",
        series=of_server("harken_ejections_total", "0 1 1 2x30"),
        at="30m",
    ),
]

PROMISE = [
    Case(about=PACES[0], why="2 % fail", series=failing(2), at="80m", fires=PACES, still_quiet_at="2m"),
    Case(about=PACES[0], why="1 % fail", series=failing(1), at="80m", fires=PACES[1:]),
    Case(about=PACES[1], why="0.8 % fail", series=failing(0.8), at="80m", fires=PACES[1:], still_quiet_at="5m"),
    Case(about=PACES[1], why="0.5 % fail", series=failing(0.5), at="80m", fires=PACES[2:]),
    Case(about=PACES[2], why="0.4 % fail", series=failing(0.4), at="80m", fires=PACES[2:], still_quiet_at="15m"),
    Case(about=PACES[2], why="0.2 % fail", series=failing(0.2), at="80m", fires=PACES[3:]),
    Case(about=PACES[3], why="0.2 % fail", series=failing(0.2), at="80m", fires=PACES[3:], still_quiet_at="60m"),
    Case(about=PACES[3], why="0.1 % fail", series=failing(0.1), at="80m"),
    Case(
        about=PACES[0],
        why="it is over",
        series=requests("done", f"0+1000{FOR_LONG}") | requests("internal_error", "0+100x30 3000x120"),
        at="100m",
        fires=PACES[2:],
    ),
    Case(
        about=PACES[0],
        why="one of three at night",
        series=requests("done", "0 1 1 2x100") | requests("timed_out", "0 0 0 1x100"),
        at="80m",
    ),
    Case(
        about=PACES[0],
        why="the clients' own",
        series=requests("done", f"0+100{FOR_LONG}")
        | requests("cancelled", f"0+50{FOR_LONG}")
        | requests("undecodable_audio", f"0+50{FOR_LONG}")
        | requests("rate_limit_exceeded", f"0+50{FOR_LONG}")
        | requests("deadline_exceeded", f"0+50{FOR_LONG}")
        | requests("not_offered", f"0+50{FOR_LONG}"),
        at="80m",
    ),
    Case(
        about="HarkenRetriesMuch",
        why="one of ten",
        series=of_server("harken_retries_total", f"0+10{FOR_LONG}")
        | of_target("harken_tries_total", f"0+100{FOR_LONG}"),
        at="20m",
        fires=("HarkenRetriesMuch",),
        still_quiet_at="10m",
    ),
    Case(
        about="HarkenRetriesMuch",
        why="four of a hundred",
        series=of_server("harken_retries_total", f"0+4{FOR_LONG}")
        | of_target("harken_tries_total", f"0+100{FOR_LONG}"),
        at="20m",
    ),
]

WAITING = [
    Case(
        about="HarkenQueueSlow",
        why="a tenth waits that long",
        series=buckets("harken_stage_seconds", 'stage="queue", class="interactive"', (10, 15)),
        at="15m",
        fires=("HarkenQueueSlow",),
        still_quiet_at="5m",
    ),
    Case(
        about="HarkenQueueSlow",
        why="a tenth waits that long in an instance",
        series=buckets("harken_stage_seconds", 'stage="wait", class="live"', (10, 15)),
        at="15m",
        fires=("HarkenQueueSlow",),
        still_quiet_at="5m",
    ),
    Case(
        about="HarkenQueueSlow",
        why="one of a hundred does",
        series=buckets("harken_stage_seconds", 'stage="queue", class="interactive"', (10, 15), percent=1),
        at="15m",
    ),
    Case(
        about="HarkenQueueSlow",
        why="a tenth waits a little less",
        series=buckets("harken_stage_seconds", 'stage="queue", class="interactive"', (7, 9))
        | buckets("harken_stage_seconds", 'stage="wait", class="interactive"', (7, 9)),
        at="15m",
    ),
    Case(
        about="HarkenQueueSlow",
        why="batch may wait",
        series=buckets("harken_stage_seconds", 'stage="queue", class="batch"', (20, 30)),
        at="15m",
    ),
    Case(
        about="HarkenQueueSlow",
        why="another stage takes long",
        series=buckets("harken_stage_seconds", 'stage="segment", class="interactive"', (20, 30)),
        at="15m",
    ),
    Case(
        about="HarkenQueueStuck",
        why="half the patience is over",
        series=of_server("harken_queue_oldest_seconds", "100 160x20"),
        at="4m",
        fires=("HarkenQueueStuck",),
        still_quiet_at="1m",
    ),
    Case(
        about="HarkenQueueStuck",
        why="it is not yet half",
        series=of_server("harken_queue_oldest_seconds", f"140{FOR_LONG}"),
        at="10m",
    ),
    Case(
        about="HarkenQueueNearlyFull",
        why="two classes fill it together",
        series=queue(live=3000, interactive=9000, batch=0),
        at="5m",
        fires=("HarkenQueueNearlyFull",),
        still_quiet_at="1m",
    ),
    Case(
        about="HarkenQueueNearlyFull",
        why="three quarters, and batch beside them",
        series=queue(live=1800, interactive=9000, batch=3000),
        at="5m",
    ),
    Case(
        about="HarkenQueueNearlyFull",
        why="nobody is there to work anything off",
        series=queue(live=0, interactive=9000, batch=0) | of_server("harken_queue_limit_audio_seconds", f"0{FOR_LONG}"),
        at="5m",
    ),
    Case(
        about="HarkenFirstTextSlow",
        why="a tenth waits that long",
        series=buckets("harken_first_text_seconds", 'class="live"', (3, 5)),
        at="20m",
        fires=("HarkenFirstTextSlow",),
        still_quiet_at="10m",
    ),
    Case(
        about="HarkenFirstTextSlow",
        why="a tenth waits a little less",
        series=buckets("harken_first_text_seconds", 'class="live"', (2, 3)),
        at="20m",
    ),
]

LIVE = [
    Case(
        about="HarkenLiveTextLate",
        why="a tenth of the turns waits longer",
        series=final_text((3, 5)),
        at="15m",
        fires=("HarkenLiveTextLate",),
        still_quiet_at="4m",
    ),
    Case(about="HarkenLiveTextLate", why="a tenth waits a little less", series=final_text((2, 3)), at="20m"),
    Case(
        about="HarkenLiveRefuses",
        why="one a minute, by one of two gateways",
        series=of_server("harken_live_refused_total", f"0+1{FOR_LONG}"),
        at="20m",
        fires=("HarkenLiveRefuses",),
        still_quiet_at="9m",
    ),
    Case(
        about="HarkenLiveRefuses",
        why="for three minutes",
        series=of_server("harken_live_refused_total", "0x5 1 2 3x60"),
        at="15m",
    ),
]

MACHINE = [
    Case(
        about="HarkenCpuBusy",
        why="85 %",
        series=of_server("harken_cpu_busy_ratio", f"0.85{FOR_LONG}"),
        at="12m",
        fires=("HarkenCpuBusy",),
        still_quiet_at="4m",
    ),
    Case(
        about="HarkenCpuBusy",
        why="a peak of five minutes",
        series=of_server("harken_cpu_busy_ratio", "0.3x9 1 1 1 1 1 0.3x20"),
        at="15m",
    ),
    Case(about="HarkenCpuBusy", why="79 %", series=of_server("harken_cpu_busy_ratio", f"0.79{FOR_LONG}"), at="30m"),
    Case(
        about="HarkenGpuBusy",
        why="one of two",
        series=of_server("harken_gpu_busy_ratio", f"0.85{FOR_LONG}", ', gpu="0"')
        | of_server("harken_gpu_busy_ratio", f"0.2{FOR_LONG}", ', gpu="1"'),
        at="12m",
        fires=("HarkenGpuBusy",),
        still_quiet_at="4m",
    ),
    Case(
        about="HarkenGpuBusy",
        why="79 %",
        series=of_server("harken_gpu_busy_ratio", f"0.79{FOR_LONG}", ', gpu="0"'),
        at="30m",
    ),
    Case(
        about="HarkenMemoryHigh",
        why="85 %",
        series=memory("harken_memory", 85),
        at="8m",
        fires=("HarkenMemoryHigh",),
        still_quiet_at="4m",
    ),
    Case(about="HarkenMemoryHigh", why="79 %", series=memory("harken_memory", 79), at="30m"),
    Case(
        about="HarkenMemoryFull",
        why="95 %",
        series=memory("harken_memory", 95),
        at="8m",
        fires=("HarkenMemoryFull", "HarkenMemoryHigh"),
        still_quiet_at="1m",
    ),
    Case(
        about="HarkenMemoryFull", why="89 %", series=memory("harken_memory", 89), at="30m", fires=("HarkenMemoryHigh",)
    ),
    Case(
        about="HarkenGpuMemoryFull",
        why="more than was planned",
        series=memory("harken_gpu_memory", 97, ', gpu="0"'),
        at="8m",
        fires=("HarkenGpuMemoryFull",),
        still_quiet_at="4m",
    ),
    Case(
        about="HarkenGpuMemoryFull",
        why="as much as was planned",
        series=memory("harken_gpu_memory", 91, ', gpu="0"'),
        at="30m",
    ),
    Case(
        about="HarkenLoopLag",
        why="the gateway is late",
        series=of_server("harken_loop_lag_seconds", f"0.8{FOR_LONG}"),
        at="6m",
        fires=("HarkenLoopLag",),
        still_quiet_at="2m",
    ),
    Case(
        about="HarkenLoopLag",
        why="an instance is late",
        series=of_target("harken_target_loop_lag_seconds", f"0.8{FOR_LONG}"),
        at="6m",
        fires=("HarkenLoopLag",),
        still_quiet_at="2m",
    ),
    Case(
        about="HarkenLoopLag",
        why="a third of a second",
        series=of_server("harken_loop_lag_seconds", f"0.3{FOR_LONG}")
        | of_target("harken_target_loop_lag_seconds", f"0.3{FOR_LONG}"),
        at="30m",
    ),
]

CASES = (*PRESENCE, *PROMISE, *WAITING, *LIVE, *MACHINE)
