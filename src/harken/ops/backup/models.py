"""Which model and aligner a server used: enough to fetch the same again, and its files where they are wanted.

Only looks at what is on this machine; nothing is downloaded. The invariant: pickles are never taken, as no model of
ours needs one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harken.config import InstanceConfig
from harken.engine.resolve import HubError, HuggingFaceHub, resolve_aligner, resolve_model
from harken.errors import SetupError
from harken.ops.backup.archive import describe
from harken.ops.backup.manifest import Member, ModelNote
from harken.ops.backup.names import is_file_name

_SUFFIXES = (".json", ".safetensors", ".txt", ".jinja", ".flac", ".wav")


class _AtHand:
    """The hub's cache alone."""

    def cached(self, name: str) -> Path | None:
        try:
            return HuggingFaceHub().cached(name)
        except ImportError:  # a gateway without the extra `engine`
            return None

    def download(self, name: str) -> Path:
        raise HubError("a backup downloads nothing")


def note_models(
    instance: InstanceConfig, *, is_included: bool, on_model: Callable[[str], None] = lambda _: None
) -> tuple[list[ModelNote], dict[str, Path]]:
    """Describe the model and its aligner; return also where files that are to be included lie, by their names.

    Raises:
        OSError: a file cannot be read.
    """
    hub = _AtHand()
    found = {
        "model": (instance.model, _folder(lambda: resolve_model(instance.model, hub))),
        "aligner": (instance.aligner, _folder(lambda: resolve_aligner(instance.aligner, instance.model, hub))),
    }
    notes: list[ModelNote] = []
    places: dict[str, Path] = {}
    for role, (spec, folder) in found.items():
        if folder is None:
            notes.append(ModelNote(role=role, spec=spec))
            continue
        on_model(spec)
        files = {f"{role}/{path.name}": path for path in _files(folder)}
        notes.append(_note(role, spec, folder, files, is_included=is_included))
        places |= files if is_included else {}
    return notes, places


def _folder(find: Callable[[], Path | None]) -> Path | None:
    try:
        return find()
    except SetupError:  # not on this machine, or nothing that has a folder ("stub")
        return None


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in _SUFFIXES and is_file_name(path.name) and path.is_file()  # links of the hub's cache too
    )


def _note(role: str, spec: str, folder: Path, files: dict[str, Path], *, is_included: bool) -> ModelNote:
    name, revision = folder.resolve().name, ""
    try:
        from harken.qwen3_asr.card import read_card

        card = read_card(folder)
        name, revision = card.name, card.revision or ""
    except (SetupError, OSError):
        pass  # what it says of itself is not for us to judge
    if not revision and folder.parent.name == "snapshots":
        revision = folder.name  # of the hub's cache: the commit
    members: list[Member] = [describe(member, path) for member, path in files.items()]
    return ModelNote(role=role, spec=spec, name=name, revision=revision, files=tuple(members), is_included=is_included)
