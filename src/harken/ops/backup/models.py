"""Which model and aligner a server used: enough to fetch the same again, and its files where they are wanted.

Only looks at what is on this machine: folders, pulled models, the hub's cache; nothing is downloaded. The invariants:
pickles are never taken, as no model of ours needs one; where files are wanted, there are weights among them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harken.config import InstanceConfig
from harken.engine.resolve import AUTO, HubError, HuggingFaceHub, resolve_aligner, resolve_model
from harken.errors import ConfigError, SetupError
from harken.models.store import ModelStore, manifest_in
from harken.ops.backup.archive import describe
from harken.ops.backup.errors import BackupFailed
from harken.ops.backup.manifest import Member, ModelNote
from harken.ops.backup.names import is_file_name
from harken.plugin.find import is_engine

_WEIGHTS = ".safetensors"
_SUFFIXES = (".json", _WEIGHTS, ".txt", ".jinja", ".flac", ".wav")


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
    instance: InstanceConfig, store: ModelStore, *, is_included: bool
) -> tuple[list[ModelNote], dict[str, Path]]:
    """Describe the model and its aligner; return also where files that are to be included lie, by their names.

    Args:
        instance: names them.
        store: the models that were pulled.
        is_included: their files are wanted too.

    Raises:
        BackupFailed: files are wanted, and the weights are not on this machine.
        OSError: a file cannot be read.
    """
    hub = _AtHand()
    finds: dict[str, tuple[str, Callable[[], Path | None]]] = {
        "model": (instance.model, lambda: resolve_model(instance.model, hub, store)),
        "aligner": (instance.aligner, lambda: resolve_aligner(instance.aligner, instance.model, hub, store)),
    }
    notes: list[ModelNote] = []
    places: dict[str, Path] = {}
    for role, (spec, find) in finds.items():
        try:
            folder = find() if _has_files(instance, role) else None
        except (ConfigError, SetupError):  # whether it can be served is not for us to judge
            if is_included:
                raise BackupFailed(f"The {role} {spec} is not on this machine, so its files cannot be saved.") from None
            notes.append(ModelNote(role=role, spec=spec, is_absent=True))
            continue
        if folder is None:
            notes.append(ModelNote(role=role, spec=spec))
            continue
        files = {f"{role}/{path.name}": path for path in _files(folder)}
        if is_included and not any(path.suffix == _WEIGHTS for path in files.values()):
            raise BackupFailed(f"The {role}'s folder {folder} holds no weights ({_WEIGHTS}) that can be saved.")
        notes.append(_note(role, spec, folder, files, is_included=is_included))
        places |= files if is_included else {}
    return notes, places


def _has_files(instance: InstanceConfig, role: str) -> bool:
    """The stand-in has none, nor has its aligner; an engine of another package may have one of ours beside it."""
    if instance.model.partition(":")[0] == "stub":
        return False
    return not is_engine(instance.model) or (role == "aligner" and instance.aligner != AUTO)


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in _SUFFIXES and is_file_name(path.name) and path.is_file()  # links of the hub's cache too
    )


def _note(role: str, spec: str, folder: Path, files: dict[str, Path], *, is_included: bool) -> ModelNote:
    name, revision = _origin(folder)
    members: list[Member] = [describe(member, path) for member, path in files.items()]
    return ModelNote(role=role, spec=spec, name=name, revision=revision, files=tuple(members), is_included=is_included)


def _origin(folder: Path) -> tuple[str, str]:
    """Name and revision by which the same can be fetched again, as far as the folder tells."""
    pulled = manifest_in(folder)
    if pulled is not None:
        return pulled.name, pulled.revision
    name, revision = folder.resolve().name, ""
    try:
        from harken.qwen3_asr.card import read_card

        card = read_card(folder)
        name, revision = card.name, card.revision or ""
    except (SetupError, OSError):
        pass  # what it says of itself is not for us to judge
    if not revision and folder.parent.name == "snapshots":
        revision = folder.name  # of the hub's cache: the commit
    return name, revision
