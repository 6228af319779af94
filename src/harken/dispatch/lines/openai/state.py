"""What a server says of itself: its health and its models. Pure: JSON bodies in, our words out.

There is no standard for either. Another Harken is known by its `/health`, which tells state and slots, and by its
`/v1/models`, which tells languages, lengths and the aligner. Of every other server only the name of a model is taken;
for the rest there are cautious defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harken.dispatch.lines.openai.answer import is_whole, number_of
from harken.dispatch.lines.upstream import SLOTS, Upstream
from harken.languages import NAMES
from harken.types import AlignerInfo, ModelInfo, Wish

SEGMENT_S = 30.0
"""The longest segment for servers that do not tell: what Whisper takes in one pass."""

_STATES = {"healthy": "ready", "degraded": "ready", "draining": "draining"}
"""A Harken's `status` → the word of an instance's lifecycle; with every other one it is starting."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HarkenHealth:
    """The health of another Harken.

    Attributes:
        state: `ready`, `draining` or `starting`.
        model: the name of what it serves, "" while it does not know.
        slots: of its instances that work now.
        detail: one sentence where it cannot work; "" otherwise.
    """

    state: str
    model: str
    slots: int
    detail: str


def harken_health(body: Mapping[str, Any]) -> HarkenHealth | None:
    """Read the body of `/health`; None when it is no Harken's."""
    status, instances = body.get("status"), body.get("instances")
    if not isinstance(status, str) or not isinstance(instances, list) or "queued_audio_s" not in body:
        return None
    state = _STATES.get(status, "starting")
    return HarkenHealth(
        state=state,
        model=_string(body.get("model")),
        slots=sum(_slots(one) for one in instances),
        detail="" if state == "ready" else f"It says that it is {status[:40]}.",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One entry of `/v1/models`, as far as it tells; by default: nothing was listed.

    Attributes:
        name: to ask for.
        owner: who made the entry: "vllm" tells which server it is.
        revision: of a Harken's weights.
        max_segment_s: of a Harken's model.
        languages: of a Harken's model; () where they are not told.
        aligner: of a Harken.
        lacks: of a Harken's model.
        is_there: there is a list.
    """

    name: str = ""
    owner: str = ""
    revision: str = ""
    max_segment_s: float = SEGMENT_S
    languages: tuple[str, ...] = ()
    aligner: AlignerInfo | None = None
    lacks: tuple[Wish, ...] = ()
    is_there: bool = True


def listing_of(body: Mapping[str, Any], wanted: str) -> Listing:
    """Find a model in the body of `/v1/models`: the wanted one, or the first where none is wanted."""
    entries = body.get("data")
    found = [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    for entry in found:
        name = _string(entry.get("id"))
        if name and wanted in ("", name):
            return _listing(name, entry)
    return Listing()


def model_info(upstream: Upstream, listing: Listing, slots: int) -> ModelInfo:
    """What the dispatcher may know of a server's model.

    Args:
        upstream: what was known beforehand; it wins.
        listing: what the server tells.
        slots: that it tells; 0 for none.
    """
    name = upstream.model or listing.name
    revision = upstream.revision or listing.revision or upstream.revision_of(name)
    languages = listing.languages or NAMES
    timed = AlignerInfo(name=f"{name} (words)", revision=revision, languages=languages)
    return ModelInfo(
        name=name,
        revision=revision,
        max_segment_s=listing.max_segment_s,
        languages=languages,
        slots=upstream.slots or slots or SLOTS,
        aligner=listing.aligner or (timed if upstream.has_words else None),
        batches=upstream.batches,
        # OpenAI's API has no field for it, whoever answers.
        lacks=tuple(wish for wish in Wish if wish in (*listing.lacks, Wish.PREFIX)),
    )


def _listing(name: str, entry: Mapping[str, Any]) -> Listing:
    owner = _string(entry.get("owned_by"))
    if owner != "harken":
        return Listing(name=name, owner=owner)
    return Listing(
        name=name,
        owner=owner,
        revision=_string(entry.get("revision")),
        max_segment_s=_seconds(entry.get("max_segment_s")),
        languages=_languages(entry.get("languages")),
        aligner=_aligner(entry.get("aligner")),
        lacks=_lacks(entry.get("lacks")),
    )


def _aligner(raw: object) -> AlignerInfo | None:
    if not isinstance(raw, dict):
        return None
    return AlignerInfo(
        name=_string(raw.get("id")), revision=_string(raw.get("revision")), languages=_languages(raw.get("languages"))
    )


def _languages(raw: object) -> tuple[str, ...]:
    return tuple(name for name in raw if name in NAMES) if isinstance(raw, list) else ()


def _lacks(raw: object) -> tuple[Wish, ...]:
    return tuple(wish for wish in Wish if wish.value in raw) if isinstance(raw, list) else ()


def _seconds(raw: object) -> float:
    seconds = number_of(raw)
    return seconds if seconds is not None and 1.0 <= seconds <= 3600.0 else SEGMENT_S


def _slots(raw: object) -> int:
    if not isinstance(raw, dict) or raw.get("state") != "ready":
        return 0
    slots = raw.get("slots")
    return slots if is_whole(slots) and 0 < slots <= 10_000 else 0


def _string(raw: object) -> str:
    return raw if isinstance(raw, str) else ""
