"""The alerts about what wears out: processors, memory, GPUs, event loops.

Owns the 80 % of the deployment guide's advice. A GPU's memory is filled on purpose, up to `instance.memory_share`, so
its line is above that. The invariant: a short peak alarms nobody.
"""

from __future__ import annotations

from harken.ops.export.monitoring.alerts import LOOP_LAG_S, Bounds
from harken.ops.export.monitoring.rules import Alert, Group

BUSY = 0.8
FULL = 0.9

_ABOVE_PLAN = 0.05
_MOST = 0.98
_MEMORY = "harken_memory_used_bytes / harken_memory_total_bytes"
_GPU_MEMORY = "harken_gpu_memory_used_bytes / harken_gpu_memory_total_bytes"


def machine_groups(bounds: Bounds) -> tuple[Group, ...]:
    """Return the alerts about machines."""
    return (Group(name="harken-machine", rules=(*_busy(), *_memory(bounds), *_loops())),)


def _busy() -> tuple[Alert, ...]:
    return (
        Alert(
            name="HarkenCpuBusy",
            expr=f"avg_over_time(harken_cpu_busy_ratio[5m]) > {BUSY}",
            lasts="5m",
            severity="warning",
            summary="The CPU of {{ $labels.instance }} is {{ $value | humanizePercentage }} busy",
            description="It has been for minutes. More load means longer waits: without a GPU, this is the limit.",
        ),
        Alert(
            name="HarkenGpuBusy",
            expr=f"avg_over_time(harken_gpu_busy_ratio[5m]) > {BUSY}",
            lasts="5m",
            severity="warning",
            summary="GPU {{ $labels.gpu }} of {{ $labels.instance }} is {{ $value | humanizePercentage }} busy",
            description="It has been for minutes. That is what it is for; but there is little left for more load.",
        ),
    )


def _memory(bounds: Bounds) -> tuple[Alert, ...]:
    gpu = min(bounds.gpu_memory_share + _ABOVE_PLAN, _MOST)
    return (
        Alert(
            name="HarkenMemoryHigh",
            expr=f"{_MEMORY} > {BUSY}",
            lasts="5m",
            severity="warning",
            summary="The memory of {{ $labels.instance }} is {{ $value | humanizePercentage }} full",
            description="It has been for minutes. Another instance would not fit.",
        ),
        Alert(
            name="HarkenMemoryFull",
            expr=f"{_MEMORY} > {FULL}",
            lasts="2m",
            severity="critical",
            summary="The memory of {{ $labels.instance }} is {{ $value | humanizePercentage }} full",
            description="When nothing is left, the kernel ends a process: most likely an instance.",
        ),
        Alert(
            name="HarkenGpuMemoryFull",
            expr=f"{_GPU_MEMORY} > {gpu:g}",
            lasts="5m",
            severity="warning",
            summary="Memory of GPU {{ $labels.gpu }} at {{ $labels.instance }}: {{ $value | humanizePercentage }}",
            description=(
                f"Instances fill {bounds.gpu_memory_share:.0%} of it on purpose (instance.memory_share); this is more. "
                "Something else uses the GPU, or an instance reads longer segments than it planned for."
            ),
        ),
    )


def _loops() -> tuple[Alert, ...]:
    return (
        Alert(
            name="HarkenLoopLag",
            expr=f"harken_loop_lag_seconds > {LOOP_LAG_S}\nor harken_target_loop_lag_seconds > {LOOP_LAG_S}",
            lasts="3m",
            severity="warning",
            summary=(
                "{{ if $labels.target }}Instance {{ $labels.target }}{{ else }}{{ $labels.instance }}{{ end }} answers "
                "{{ $value | humanizeDuration }} late"
            ),
            description=(
                "Its event loop has been late for minutes: every request of it waits that much longer, and above the "
                "patience of a look (fleet.probe_timeout_s) an instance is taken for dead. Mostly a lack of CPU."
            ),
        ),
    )
