"""The recordings of spoken digits that come with this package, and what is said in them.

Who wants them decoded does that himself. The invariant: every row of the manifest is a file beside it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A recording of speech whose words are known."""

    path: Path
    text: str
    language: str


def packaged_samples() -> list[Sample]:
    """All of them, in the manifest's order."""
    folder = Path(str(files("harken"))) / "samples"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return [Sample(path=folder / row["file"], text=row["text"], language=row["language"]) for row in manifest]
