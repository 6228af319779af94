"""A small file of ours that is replaced as a whole, for its owner alone.

The invariant: whoever reads it, also after a crash, finds the old text or the new one.
"""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """Put a text in the place of a file, or where there was none; UTF-8, what it cannot hold is escaped.

    Raises:
        OSError: it cannot be written; the old one is as it was, and no draft is left.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
