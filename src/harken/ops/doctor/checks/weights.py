"""Weights: whether they are here and whole, whether there is room for them, and whether the hub has them. Pure."""

from __future__ import annotations

from harken.ops.doctor.facts import Checkpoint, Facts, Hub
from harken.ops.doctor.finding import Finding, failed, ok, warning
from harken.ops.doctor.words import gigabytes
from harken.qwen3_asr.aligner_config import AlignerConfig

SPARE_BYTES = 1_000_000_000
"""What a download should leave of a disk."""


def check_model(facts: Facts) -> Finding | None:
    """The model's weights; an engine of another package is only known to be installed."""
    if facts.engine:
        return ok("model", f"the engine {facts.engine}; only an instance finds out whether it works")
    return None if facts.model is None else _checked("model", facts.model)


def check_aligner(facts: Facts) -> Finding | None:
    """The aligner's weights; having none is no fault, since `auto` serves without the times of words."""
    if facts.model is None:
        return None
    if facts.aligner is None:
        how = "--aligner none" if facts.config.instance.aligner == "none" else "none at hand: no times of words"
        return ok("aligner", how)
    return _checked("aligner", facts.aligner)


def check_download(facts: Facts) -> Finding | None:
    """Room for weights that have to be fetched."""
    missing = [one for one in (facts.model, facts.aligner) if one is not None and one.is_missing]
    if not missing:
        return None
    disk, needed = facts.places.weights, sum(one.stored_bytes or 0 for one in missing)
    found = f"{gigabytes(disk.free_bytes)} free in {disk.folder}"
    step = "--set models.folder=FOLDER, on another disk"
    if not disk.is_writable:
        return failed("download", disk.problem, step)
    if disk.free_bytes is None or not needed:
        return ok("download", found)
    if disk.free_bytes < needed:
        return failed("download", f"{found}; {gigabytes(needed)} are needed", step)
    if disk.free_bytes < needed + SPARE_BYTES:
        return warning("download", f"{found}; {gigabytes(needed)} are needed, which leaves hardly any", step)
    return ok("download", f"{found}; {gigabytes(needed)} are needed")


def check_hub(facts: Facts) -> Finding | None:
    """The hub, where weights are missing."""
    hub = facts.hub
    if hub is None:
        return None
    missing = [one for one in (facts.model, facts.aligner) if one is not None and one.is_missing]
    pulls = " && ".join(f"harken pull {one.name}" for one in missing)
    flags = " and ".join(
        f"--{kind}" for kind, one in (("model", facts.model), ("aligner", facts.aligner)) if one in missing
    )
    elsewhere = f"on a machine that has a network: {pulls}; copy what that fetched here and name it with {flags}"
    if hub.is_offline:
        return failed("hub", f"HF_HUB_OFFLINE forbids to ask {hub.endpoint}", f"unset HF_HUB_OFFLINE; or {elsewhere}")
    for name, status in hub.statuses.items():
        if (problem := _problem(hub, name, status, elsewhere)) is not None:
            return failed("hub", *problem)
    return ok("hub", f"{hub.endpoint} answers")


def _problem(hub: Hub, name: str, status: int, elsewhere: str) -> tuple[str, str] | None:
    """What an HTTP status says of a name, and what helps; None where all is well."""
    if status == 0:
        why = f" ({hub.problem})" if hub.problem else ""
        mirror = f"set HF_ENDPOINT to a mirror, or harken pull --from modelscope {name}"
        return f"{hub.endpoint} does not answer{why}", f"{mirror}; or {elsewhere}"
    if status in (401, 403):
        found = f"{hub.endpoint} does not show {name} to everybody ({status})"
        return found, "check the name; set HF_TOKEN where a model is gated"
    if status == 404:
        return f"{hub.endpoint} has no {name}", "check the name: Qwen/Qwen3-ASR-1.7B, Qwen/Qwen3-ASR-0.6B"
    if status >= 400:
        return f"{hub.endpoint} answers {status} for {name}", f"try again later; or {elsewhere}"
    return None


def _checked(name: str, one: Checkpoint) -> Finding:
    if one.problem:
        return failed(name, one.problem, one.remedy)
    if one.folder is None:
        size = f"{gigabytes(one.stored_bytes)} to fetch" if one.stored_bytes else "its size is not known"
        return warning(name, f"{one.name} is not on this machine; {size}", f"harken pull {one.name}")
    kind = "aligner" if isinstance(one.config, AlignerConfig) else "model"
    assert kind == name, f"{one.name} was read as a {kind}"
    return ok(name, f"{one.name}, {gigabytes(one.stored_bytes)} in {one.folder}")


WEIGHT_CHECKS = (check_model, check_aligner, check_download, check_hub)
