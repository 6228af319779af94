"""Room: whether the fleet fits into the memory of its devices and on the cores, and what would. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from harken.errors import ConfigError
from harken.machine.cores import parse_cores, write_cores
from harken.ops.doctor.facts import Facts
from harken.ops.doctor.finding import Finding, failed, ok, warning
from harken.ops.doctor.fits import (
    MOST_SLOTS,
    Place,
    fit_on,
    footprint_on,
    most_slots,
    places_of,
    roundings,
    smaller_model,
)
from harken.ops.doctor.words import counted, gigabytes
from harken.qwen3_asr.footprint import PROCESS_BYTES

GPU_PROCESS_BYTES = 2_500_000_000
"""RAM of an instance that computes on a GPU: torch's and CUDA's libraries, pinned memory; reasoned, not measured."""

FEW_SLOTS = 4


def check_memory(facts: Facts) -> Finding | None:
    """The fleet on each of its devices; the first that is too small is told."""
    if facts.model is None or not facts.instances:
        return None
    found = [_fits(facts, place, count) for place, count in _wanted(facts)]
    told = [finding for finding in found if finding is not None]
    if facts.model.config is None:
        return warning("memory", f"the size of {facts.model.name} is not known here", f"harken pull {facts.model.name}")
    if not told:
        lacking = ", ".join(facts.devices)
        return warning(
            "memory", f"nobody says how much memory {lacking} has", "see the findings about driver and device"
        )
    for verdict in ("failed", "warning"):
        if bad := [finding for finding in told if finding.verdict.value == verdict]:
            return bad[0]
    return ok("memory", "; ".join(finding.found for finding in told))


def check_ram(facts: Facts) -> Finding | None:
    """RAM for processes that compute on a GPU."""
    count = sum(place.kind == "gpu" for place, count in _wanted(facts) for _ in range(count))
    available = facts.memory.available_bytes
    if facts.model is None or not count or available is None:
        return None
    needed = count * GPU_PROCESS_BYTES
    found = f"{gigabytes(available)} available for {counted(count, 'instance')} of about {gigabytes(GPU_PROCESS_BYTES)}"
    if available < count * PROCESS_BYTES:
        return failed("ram", found, f"--instances {max(1, available // GPU_PROCESS_BYTES)}")
    return ok("ram", found) if available >= needed else warning("ram", found, "end other programs, or fewer instances")


def check_cores(facts: Facts) -> Finding:
    """That the model's threads do not have to take turns."""
    on_cpu = [instance for instance in facts.instances if facts.device_of(instance) == "cpu"]
    usable = facts.cores.usable
    limit = f" (the control group allows {facts.cores.quota:g})" if facts.cores.quota is not None else ""
    found = counted(usable, "core") + limit
    if facts.model is None or not on_cpu:
        return ok("cores", found)
    wanted = sum(instance.threads for instance in on_cpu)
    found += f"; {counted(len(on_cpu), 'instance')} with {counted(on_cpu[0].threads, 'thread')} on the CPU"
    if len(on_cpu) > usable:
        return warning("cores", f"{found}: they take turns, and none is faster for it", f"--instances {usable}")
    if wanted > usable:
        return warning("cores", f"{found}: more threads than cores", f"--threads {max(1, usable // len(on_cpu))}")
    return ok("cores", found)


def check_pinning(facts: Facts) -> Finding | None:
    """That `instance.cores` names cores that there are."""
    text = facts.config.instance.cores
    if not text.strip() or not facts.instances:
        return None
    try:
        wanted = parse_cores(text)
    except ConfigError as error:
        return failed("pinning", error.message, "--set instance.cores=0-3")
    ours = facts.cores.ids
    if strange := sorted(set(wanted) - set(ours)):
        found = f"instance.cores names {write_cores(strange)}; this process may use {write_cores(ours) or 'none'}"
        return failed("pinning", found, f"--set instance.cores={write_cores(ours)}")
    if len(facts.instances) > 1:
        return warning(
            "pinning", f"all {len(facts.instances)} instances on {text}", "--set fleet.pins_cores=true instead"
        )
    return ok("pinning", f"on {text}")


def _wanted(facts: Facts) -> Iterator[tuple[Place, int]]:
    """Each device with the number of instances that are to be there."""
    counts = Counter(facts.device_of(instance) for instance in facts.instances)
    for place in places_of(facts):
        if counts[place.device]:
            yield place, counts[place.device]


def _fits(facts: Facts, place: Place, count: int) -> Finding | None:
    slots = facts.config.instance.slots
    fit = fit_on(facts, place, slots=slots or 1)
    if fit is None:
        return None
    have = f"{place.name} ({place.device}) has {gigabytes(place.budget_bytes)} for them"
    if fit.instances < count:
        need = f"{counted(count, 'instance')} of {fit.model} {fit.weights} with {counted(fit.slots, 'slot')}"
        builtin = ", by built-in figures" if facts.model is not None and facts.model.is_builtin else ""
        return failed(
            "memory",
            f"{need} need {gigabytes(count * fit.instance_bytes)}{builtin}; {have}: {fit.instances} fit",
            "; or ".join(_ways_out(facts, place, count)),
        )
    each = slots or most_slots(facts, place, count)
    told = f"{counted(count, 'instance')} of {fit.model} {fit.weights} with {counted(each, 'slot')} fit; {have}"
    if not slots and each < min(FEW_SLOTS, MOST_SLOTS[place.kind]):
        return warning("memory", f"{told}; more slots would do more", "; or ".join(_ways_out(facts, place, count)))
    return ok("memory", told)


def _ways_out(facts: Facts, place: Place, count: int) -> list[str]:
    """What would fit, nearest to what was asked for first; each is a change of one flag."""
    own = facts.config.instance
    slots = own.slots or FEW_SLOTS
    found: list[str] = []
    as_it_is = fit_on(facts, place, slots=slots)
    if as_it_is is not None and 0 < as_it_is.instances < count:
        found.append(f"--instances {as_it_is.instances * max(1, len(facts.devices))}")
    if own.slots > 1 and (fewer := most_slots(facts, place, count)):
        found.append(f"--slots {min(fewer, own.slots)}")
    if own.quantize == "none":
        for codes in roundings(facts, place.device):
            rounded = fit_on(facts, place, quantize=codes, slots=slots)
            if rounded is not None and rounded.instances >= count:
                found.append(f"--quantize {codes}")
                break
    smaller = smaller_model(facts)
    small = None if smaller is None else fit_on(facts, place, model=smaller, slots=slots)
    if smaller is not None and small is not None and small.instances:
        found.append(f"--model {smaller.name}" + (f" --instances {small.instances}" if small.instances < count else ""))
    if facts.aligner is not None:
        bare = fit_on(facts, place, slots=slots, aligner=False)
        if bare is not None and bare.instances >= count:
            found.append("--aligner none")
    if place.kind == "gpu" and (taken := _taken(facts, place)):
        found.append(f"end what holds {gigabytes(taken)} of it: nvidia-smi shows who")
    one = footprint_on(facts, place.device)
    if not found and one is not None:
        found.append(f"a device with {gigabytes(one.peak_bytes(slots))} of free memory, or --model digits to try")
    return found


def _taken(facts: Facts, place: Place) -> int:
    number = int(place.device.removeprefix("cuda:"))
    used = facts.visible[number].used_bytes
    return used if used > 1_000_000_000 else 0


ROOM_CHECKS = (check_memory, check_ram, check_cores, check_pinning)
