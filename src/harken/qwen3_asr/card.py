"""The model card: what a checkpoint says about itself beside its weights.

Owns `harken.json`, an optional file in a checkpoint's folder, and what holds where there is none: the longest segment
and the languages of the published Qwen3-ASR models. It needs no torch, so a supervisor can read it too. Its
invariant: what it returns is checked; an unknown language or a segment of no length is an error, not a default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harken.errors import CheckpointError
from harken.languages import NAMES
from harken.qwen3_asr.fields import Json, read_json

FILE = "harken.json"

DEFAULT_MAX_SEGMENT_S = 30.0
"""What the published models are served with everywhere; longer single passes lose words."""

DEFAULT_PAUSE_S = 3.0
"""The published models were trained on whole utterances and hear through pauses; only long silence is spared them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """A recording whose text is known, to prove that a model works before it serves.

    Attributes:
        file: the recording.
        text: what the model must recognise in it.
        language: the language it must report.
    """

    file: Path
    text: str
    language: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """A checkpoint's own statements.

    Attributes:
        name: public name of the model.
        revision: names its weights; None where the card does not say.
        max_segment_s: longest segment it recognises well, in seconds.
        pause_s: silences of this length part segments, in seconds.
        languages: names of `harken.languages`; None where the card does not say.
        canary: None where it has none.
    """

    name: str
    revision: str | None
    max_segment_s: float
    pause_s: float
    languages: tuple[str, ...] | None
    canary: Canary | None


def read_card(folder: Path, *, max_segment_s: float = DEFAULT_MAX_SEGMENT_S) -> Card:
    """Read the card of a checkpoint's folder; without one, the defaults of the published models.

    Args:
        folder: of the checkpoint.
        max_segment_s: its longest segment where no card says.

    Raises:
        CheckpointError: the card says something that cannot be.
    """
    content: Json = read_json(folder / FILE) if (folder / FILE).is_file() else {}
    revision = content.get("revision")
    languages = content.get("languages")
    return Card(
        name=_text(content, "name", default=_name_of(folder)),
        revision=None if revision is None else _text(content, "revision"),
        max_segment_s=_seconds(content, "max_segment_s", max_segment_s),
        pause_s=_seconds(content, "pause_s", DEFAULT_PAUSE_S),
        languages=None if languages is None else check_languages(languages, FILE),
        canary=_canary(folder, content.get("canary")),
    )


def check_languages(found: object, where: str) -> tuple[str, ...]:
    """Return names of `harken.languages`, or refuse those that are none, naming the place they stand in."""
    names = found if isinstance(found, list | tuple) else [found]
    if unknown := [name for name in names if name not in NAMES]:
        raise CheckpointError(f"{where}: {unknown!r} are not languages that Harken knows.")
    if not names:
        raise CheckpointError(f"{where}: a model needs at least one language.")
    return tuple(names)


def _canary(folder: Path, found: object) -> Canary | None:
    if found is None:
        return None
    if not isinstance(found, Mapping):
        raise CheckpointError(f"{FILE}: canary must be an object with file, text and language.")
    file = folder / Path(_text(found, "file")).name
    if not file.is_file():
        raise CheckpointError(f"{FILE}: the canary recording {file.name} is not in {folder}.")
    return Canary(file=file, text=_text(found, "text"), language=_text(found, "language"))


def _text(content: Json, key: str, default: str | None = None) -> str:
    found = content.get(key, default)
    if not isinstance(found, str) or not found:
        raise CheckpointError(f"{FILE}: {key} must be a text, not {found!r}.")
    return found


def _seconds(content: Json, key: str, default: float) -> float:
    found = content.get(key, default)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < float("inf"):
        raise CheckpointError(f"{FILE}: {key} must be a positive number of seconds, not {found!r}.")
    return float(found)


def _name_of(folder: Path) -> str:
    """Name a model by its folder; a folder of the hub's cache carries the name two levels up."""
    for part in folder.resolve().parts:
        if part.startswith("models--"):
            return part.removeprefix("models--").replace("--", "/")
    return folder.resolve().name
