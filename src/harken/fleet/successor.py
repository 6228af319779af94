"""What a server can no longer do when another model takes the place of the present one.

Pure: two descriptions in, sentences out. It says nothing of quality; a shadow sample does. Such losses are no accident
that a roll should find out in the middle: while both models serve, and afterwards, requests that were answered before
are refused. The invariant: a model that takes its own place loses nothing.
"""

from __future__ import annotations

from harken.types import ModelInfo

_NAMED = 6
"""Languages that are named; of more the count is enough."""


def losses(old: ModelInfo, new: ModelInfo) -> tuple[str, ...]:
    """Name what the new model lacks; one sentence each, () for nothing."""
    found = []
    if new.max_segment_s < old.max_segment_s:
        # Until the last old instance is gone recordings are cut as it takes them.
        found.append(
            f"It takes segments of up to {new.max_segment_s:g} s, the present model of up to {old.max_segment_s:g} s: "
            "while both serve, longer ones fail on it."
        )
    if missing := [name for name in old.languages if name not in new.languages]:
        found.append(f"It does not know {_listed(missing)}.")
    if old.aligner is not None and new.aligner is None:
        found.append("It has no aligner: requests for the times of words will be refused.")
    elif old.aligner is not None and new.aligner is not None:
        untimed = [name for name in old.aligner.languages if name not in new.aligner.languages]
        if untimed:
            found.append(f"Its aligner does not know {_listed(untimed)}.")
    if lost := [wish.value for wish in new.lacks if wish not in old.lacks]:
        found.append(f"It refuses requests with {', '.join(lost)}.")
    return tuple(found)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} other languages" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
