"""What the branches and tags of a model meant when they were pulled: one small file beside its revisions.

The invariant: of two processes that change it at once none loses what the other wrote; both hold the model's own lock.
"""

from __future__ import annotations

import json
from pathlib import Path

from harken.models.lock import wait_lock
from harken.models.names import is_commit
from harken.models.whole_file import write_whole

REFS = "refs.json"


def read_refs(folder: Path) -> dict[str, str]:
    """Read them from a model's folder; what makes no sense is left out."""
    try:
        raw = json.loads((folder / REFS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(raw, dict):
        return {}
    return {ref: revision for ref, revision in raw.items() if isinstance(revision, str) and is_commit(revision)}


def write_ref(folder: Path, lock: Path, ref: str, revision: str) -> None:
    """Note what a branch or tag means now.

    Args:
        folder: of the model.
        lock: the file of its lock.
        ref: the branch or tag.
        revision: what it means.

    Raises:
        OSError: it cannot be written.
    """
    with wait_lock(lock):
        refs = read_refs(folder) | {ref: revision}
        write_whole(folder / REFS, json.dumps(refs, indent=2, ensure_ascii=False))


def remove_if_empty(folder: Path, lock: Path) -> None:
    """Delete a model's folder that holds no revision any more, and with it what its branches meant.

    Raises:
        OSError: it cannot be deleted.
    """
    with wait_lock(lock):
        left = list(folder.iterdir()) if folder.is_dir() else []
        # A process that was killed may have left half of such a file, under a name of its own.
        if not all(one.name == REFS or one.name.startswith(f".{REFS}.") for one in left):
            return
        for one in left:
            one.unlink()
        if folder.is_dir():
            folder.rmdir()
