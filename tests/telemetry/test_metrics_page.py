"""docs/reference/metrics.md has a line for every metric that a server tells, with its kind and labels, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from harken.dispatch.order.room import Room
from harken.dispatch.stats import Stats
from harken.events import DraftDone, RequestBegan, RequestEnded, Span, Stage, TurnDone
from harken.telemetry.look import GpuLook, Look, MachineLook, QueueLook
from harken.telemetry.telemetry import Telemetry
from harken.transcribe.cache.counts import Counts
from harken.types import Figures, Health, InstanceHealth, LiveFigures, Priority

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"

INSTANCE = InstanceHealth(
    name="asr-1",
    url="http://127.0.0.1:7861",
    state="ready",
    last_success_s=1.0,
    figures=Figures(memory_bytes=1, gpu_memory_bytes=1),
)
LOOK = Look(
    kind="gateway",
    status="healthy",
    health=Health(name="gateway", is_ready=True, state="ready", instances=(INSTANCE,)),
    machine=MachineLook(
        cores=2,
        cpu_busy=0.5,
        memory_bytes=1,
        memory_total_bytes=2,
        gpus=(GpuLook(index=0, name="GPU", busy=0.5, memory_bytes=1, memory_total_bytes=2),),
    ),
    queue=QueueLook(classes=Room(60.0).classes(), limit_audio_s=60.0, oldest_wait_s=1.0),
    stats=Stats(),
    cache=Counts(),
    live=LiveFigures(limit=1),
    files_waiting=3,
    stores={"cache": True, "counts": False, "keys": True},
)
"""A gateway of which everything is known."""


def told() -> dict[str, tuple[str, frozenset[str]]]:
    """Each metric's kind and labels, of a server to which everything has happened once."""
    telemetry = Telemetry(lambda: LOOK, is_gateway=True)
    interactive = Priority.INTERACTIVE
    telemetry.tell(RequestBegan(request_id="r", at=1.0, route="/asr", priority=interactive))
    for stage in Stage:
        telemetry.tell(Span(request_id="r", stage=stage, began=1.0, ended=2.0, segment=0, audio_s=1.0, target="asr-1"))
    telemetry.tell(
        RequestEnded(request_id="r", began=1.0, ended=3.0, route="/asr", priority=interactive, first_text_s=1.0)
    )
    telemetry.tell(DraftDone(began=1.0, ended=2.0))
    telemetry.tell(TurnDone(committed=1.0, completed=2.0))
    found = {}
    for family in text_string_to_metric_families(telemetry.metrics().decode()):
        if family.name.startswith("harken_"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            assert family.samples, name
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            found[name] = (family.type, frozenset(labels))
    return found


def documented() -> dict[str, tuple[str, frozenset[str]]]:
    """What the page's tables say; a label may be followed by its values."""
    rows = re.findall(r"^\| `(harken_\w+)` \| (\w+) \|(.*?)\| .+ \|$", PAGE.read_text(), flags=re.MULTILINE)
    return {name: (kind, frozenset(re.findall(r"`(\w+)`", labels.partition(":")[0]))) for name, kind, labels in rows}


def test_the_page_and_the_registry_have_the_same_metrics() -> None:
    """Names, kinds and labels."""
    assert documented() == told()


def test_the_page_names_every_stage() -> None:
    """In the order in which a recording meets them."""
    table = PAGE.read_text().partition("| stage | from")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) == [stage.value for stage in Stage]
