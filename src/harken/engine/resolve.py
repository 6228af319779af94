"""From what `--model` and `--aligner` say to a folder on this machine.

"digits" and "digits-aligner" are the checkpoints in this package; an existing folder is itself; any other name is
looked for among the models that `harken pull` fetched; one of the form owner/name then in the hub's cache and, failing
that, downloaded. Only a pulled model can be named with a revision (owner/name@v2). It refuses to know what is in the
folder. Weights are only ever fetched as safetensors. Where a hub cannot be reached, it says so within seconds, with the
ways out.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Protocol

from harken.errors import CheckpointError, ConfigError, ModelUnavailable
from harken.models.names import Spec, parse_spec
from harken.models.store import ModelStore
from harken.plugin.find import names

DIGITS = "digits"
DIGITS_ALIGNER = "digits-aligner"
HUB_ALIGNER = "Qwen/Qwen3-ForcedAligner-0.6B"
AUTO = "auto"
NO_ALIGNER = "none"

_HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_PATTERNS = ["*.json", "*.safetensors", "*.txt", "*.jinja"]
_REACH_TIMEOUT_S = 5.0


class HubError(Exception):
    """The hub cannot be reached, or does not have it; the message says which in the hub's own words."""


class Hub(Protocol):
    """Where published checkpoints come from."""

    def cached(self, name: str) -> Path | None:
        """The folder of a checkpoint that was downloaded before; None where there is none. Never uses the network."""
        ...

    def download(self, name: str) -> Path:
        """Fetch a checkpoint.

        Raises:
            HubError: it cannot be had; told within seconds where there is no network.
        """
        ...


class HuggingFaceHub:
    """The Hugging Face hub, or the mirror that HF_ENDPOINT names; HF_HUB_OFFLINE keeps it to its cache."""

    def cached(self, name: str) -> Path | None:
        """See `Hub`; a download that was broken off does not count."""
        try:
            from huggingface_hub import snapshot_download
            from huggingface_hub.errors import LocalEntryNotFoundError
        except ImportError:
            return None
        try:
            folder = Path(snapshot_download(name, local_files_only=True, allow_patterns=_PATTERNS))
        except (LocalEntryNotFoundError, OSError):
            return None
        return folder if is_complete(folder) else None

    def download(self, name: str) -> Path:
        """See `Hub`. A first small question finds out quickly whether there is a hub at all."""
        try:
            from huggingface_hub import HfApi, snapshot_download
        except ImportError as error:
            raise HubError("the package huggingface-hub is not installed") from error
        try:
            HfApi().model_info(name, timeout=_REACH_TIMEOUT_S)
            return Path(snapshot_download(name, allow_patterns=_PATTERNS))
        except Exception as error:  # its kinds of exception are those of whichever HTTP client that version uses
            raise HubError(
                f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
            ) from error


def resolve_model(spec: str, hub: Hub | None = None, store: ModelStore | None = None) -> Path:
    """Find the folder that a model's name means; downloads it where necessary, so run it off the event loop.

    Args:
        spec: "digits", a folder, or a hub name with or without "-hf" (both layouts hold the same weights).
        hub: where hub names are looked up.
        store: the models that were pulled; None for none.

    Raises:
        ConfigError: the name is none of these.
        ModelUnavailable: the weights are neither on this machine nor downloadable; the message has the ways out.
        CheckpointError: the packaged checkpoint is missing.
    """
    if spec == DIGITS:
        return _packaged(DIGITS)
    return _resolve(spec, hub or HuggingFaceHub(), store, _MODEL)


def find_here(spec: str, hub: Hub | None = None, store: ModelStore | None = None) -> Path | None:
    """Find the folder that a model's or an aligner's name means, if it is on this machine; never uses the network."""
    if spec in (DIGITS, DIGITS_ALIGNER):
        return _packaged(spec)
    return _find(spec, hub or HuggingFaceHub(), store)


def resolve_aligner(spec: str, model: str, hub: Hub | None = None, store: ModelStore | None = None) -> Path | None:
    """Find the folder of the aligner that times a model's words; downloads only what is named.

    Args:
        spec: "none", "digits-aligner", a folder, a hub name; or "auto": for the packaged model the packaged aligner,
            for others the published one where it was pulled, or the hub's cache has it already.
        model: what `resolve_model` was given.
        hub: where hub names are looked up.
        store: the models that were pulled; None for none.

    Returns:
        None for "none", and for "auto" where no aligner is at hand.

    Raises:
        HarkenError: as `resolve_model`.
    """
    if spec == NO_ALIGNER:
        return None
    if spec == DIGITS_ALIGNER or (spec == AUTO and model == DIGITS):
        return _packaged(DIGITS_ALIGNER)
    hub = hub or HuggingFaceHub()
    if spec == AUTO:
        return _find(HUB_ALIGNER, hub, store)
    return _resolve(spec, hub, store, _ALIGNER)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    """How messages speak of models, or of aligners."""

    flag: str
    words: str
    example: str
    last_way_out: str


_MODEL = _Kind(
    flag="model",
    words='"digits", "stub"',
    example="Qwen/Qwen3-ASR-1.7B",
    last_way_out="use --model digits, the small model that is part of Harken, to try everything without a download",
)
_ALIGNER = _Kind(
    flag="aligner",
    words='"auto", "none", "digits-aligner"',
    example=HUB_ALIGNER,
    last_way_out="use --aligner none, to serve without the times of words",
)


def _find(spec: str, hub: Hub, store: ModelStore | None) -> Path | None:
    folder = Path(spec).expanduser()
    if spec and folder.is_dir():
        return folder
    found = _pulled(spec, store)
    if found is not None or not _HUB_NAME.fullmatch(spec):
        return found
    return hub.cached(spec) or hub.cached(_twin(spec))


def _pulled(spec: str, store: ModelStore | None) -> Path | None:
    wanted = parse_spec(spec)
    if store is None or wanted is None:
        return None
    twin = Spec(name=_twin(wanted.name), revision=wanted.revision)
    found = store.find(wanted) or store.find(twin)
    return None if found is None else found.folder


def _resolve(spec: str, hub: Hub, store: ModelStore | None, kind: _Kind) -> Path:
    found = _find(spec, hub, store)
    if found is not None:
        return found
    wanted = parse_spec(spec)
    if wanted is not None and wanted.revision is not None:
        raise ModelUnavailable(
            f"Revision {wanted.revision!r} of {wanted.name} was not pulled to this machine; "
            f"`harken pull {spec}` does that, and `harken models` shows what is here."
        )
    if not _HUB_NAME.fullmatch(spec):
        raise ConfigError(
            f"{kind.flag.capitalize()} {spec!r} is neither {kind.words}{_engines(kind)}, an existing folder, a pulled "
            f"model, nor a hub name like {kind.example}."
        )
    try:
        return hub.download(spec)
    except HubError as error:
        raise ModelUnavailable(_ways_out(spec, str(error), kind)) from error


def _engines(kind: _Kind) -> str:
    if kind is not _MODEL:
        return ""
    return f", an installed engine ({', '.join(names()) or 'there is none'})"


def is_complete(folder: Path) -> bool:
    """Whether a checkpoint's configuration and all its weight files are there."""
    index = folder / "model.safetensors.index.json"
    if not (folder / "config.json").is_file():
        return False
    if not index.is_file():
        return any(folder.glob("*.safetensors"))
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError):
        return False
    return all((folder / shard).is_file() for shard in shards)


def _packaged(name: str) -> Path:
    folder = Path(str(resources.files("harken"))) / "checkpoints" / name
    if not is_complete(folder):
        raise CheckpointError(f"The packaged checkpoint is missing from {folder}; install Harken again.")
    return folder


def _twin(name: str) -> str:
    """The same weights in the other published layout."""
    return name.removesuffix("-hf") if name.endswith("-hf") else f"{name}-hf"


def _ways_out(spec: str, reason: str, kind: _Kind) -> str:
    return (
        f"The weights of {spec} are not on this machine and cannot be downloaded ({reason}). Three ways out: "
        f"1. connect this machine to the network and run `harken pull {spec}`, with --from modelscope, a mirror's URL "
        f"(HF_ENDPOINT works too) or another Harken's address where the hub cannot be reached; or pull it on a machine "
        f"that has a network and copy the folder here. "
        f"2. pass a folder with the checkpoint: --{kind.flag} /path/to/{spec.rsplit('/', 1)[-1]}. "
        f"3. {kind.last_way_out}."
    )
