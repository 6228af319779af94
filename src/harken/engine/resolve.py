"""From what `--model` and `--aligner` say to a folder on this machine.

"digits" and "digits-aligner" are the checkpoints in this package; an existing folder is itself; anything of the form
owner/name is looked for in the hub's cache and, failing that, downloaded. It refuses to know what is in the folder.
Weights are only ever fetched as safetensors. Where a hub cannot be reached, it says so within seconds, with the ways
out.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Protocol

from harken.errors import CheckpointError, ConfigError, ModelUnavailable

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
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        try:
            folder = Path(snapshot_download(name, local_files_only=True, allow_patterns=_PATTERNS))
        except (LocalEntryNotFoundError, OSError):
            return None
        return folder if is_complete(folder) else None

    def download(self, name: str) -> Path:
        """See `Hub`. A first small question finds out quickly whether there is a hub at all."""
        from huggingface_hub import HfApi, snapshot_download

        try:
            HfApi().model_info(name, timeout=_REACH_TIMEOUT_S)
            return Path(snapshot_download(name, allow_patterns=_PATTERNS))
        except Exception as error:  # its kinds of exception are those of whichever HTTP client that version uses
            raise HubError(
                f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
            ) from error


def resolve_model(spec: str, hub: Hub | None = None) -> Path:
    """Find the folder that a model's name means; downloads it where necessary, so run it off the event loop.

    Args:
        spec: "digits", a folder, or a hub name with or without "-hf" (both layouts hold the same weights).
        hub: where hub names are looked up.

    Raises:
        ConfigError: the name is none of these.
        ModelUnavailable: the weights are neither on this machine nor downloadable; the message has the ways out.
        CheckpointError: the packaged checkpoint is missing.
    """
    if spec == DIGITS:
        return _packaged(DIGITS)
    return _resolve(spec, hub or HuggingFaceHub(), _MODEL)


def resolve_aligner(spec: str, model: str, hub: Hub | None = None) -> Path | None:
    """Find the folder of the aligner that times a model's words; downloads only what is named.

    Args:
        spec: "none", "digits-aligner", a folder, a hub name; or "auto": for the packaged model the packaged aligner,
            for others the published one where the hub's cache has it already.
        model: what `resolve_model` was given.
        hub: where hub names are looked up.

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
        return hub.cached(HUB_ALIGNER) or hub.cached(_twin(HUB_ALIGNER))
    return _resolve(spec, hub, _ALIGNER)


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


def _resolve(spec: str, hub: Hub, kind: _Kind) -> Path:
    folder = Path(spec).expanduser()
    if spec and folder.is_dir():
        return folder
    if not _HUB_NAME.fullmatch(spec):
        raise ConfigError(
            f"{kind.flag.capitalize()} {spec!r} is neither {kind.words}, an existing folder, "
            f"nor a hub name like {kind.example}."
        )
    found = hub.cached(spec) or hub.cached(_twin(spec))
    if found is not None:
        return found
    try:
        return hub.download(spec)
    except HubError as error:
        raise ModelUnavailable(_ways_out(spec, str(error), kind)) from error


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
        f"1. connect this machine to the network, or set HF_ENDPOINT to a mirror, and try again; or run "
        f"`hf download {spec}` on a machine that has one and copy its cache folder here. "
        f"2. pass a folder with the checkpoint: --{kind.flag} /path/to/{spec.rsplit('/', 1)[-1]}. "
        f"3. {kind.last_way_out}."
    )
