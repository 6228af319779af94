"""Weights from a checkpoint folder into a network: all of them, or an error that names what is wrong.

Owns the two published layouts of parameter names (`thinker.*` and `-hf`) and the comparison with what the
configuration asks for, which is made from the files' headers before any weight is read. The network is built without
memory (on the meta device) and the loaded tensors become its parameters, so a random weight cannot survive. Only
safetensors are read: other formats can run code.

The output head: where a checkpoint stores `lm_head.weight`, that tensor is used, also if the configuration calls the
head tied (transformers decides the same); where it does not, a tied head is the embedding table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from harken.errors import CheckpointError
from harken.qwen3_asr.aligner_config import AlignerConfig
from harken.qwen3_asr.aligner_network import AlignerNetwork
from harken.qwen3_asr.config import NetworkConfig
from harken.qwen3_asr.fields import read_json
from harken.qwen3_asr.network import Body, Network

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

_ORIGINAL_TO_NETWORK = (
    ("thinker.audio_tower.proj1.", "multi_modal_projector.linear_1."),
    ("thinker.audio_tower.proj2.", "multi_modal_projector.linear_2."),
    ("thinker.audio_tower.", "audio_tower."),
    ("thinker.model.", "language_model."),
    ("thinker.lm_head.", "lm_head."),
)
_HF_TO_NETWORK = (("model.", ""), ("lm_head.", "lm_head."))
_HEAD_TO_ALIGNER = (("lm_head.", "score."),)
"""The original layout calls the head of a forced aligner by the name of the head that it replaces."""

Built = TypeVar("Built", bound=Body)

_DTYPES = ("F32", "BF16", "F16")
_HEAD = "lm_head.weight"
_EMBEDDING = "language_model.embed_tokens.weight"
_NAMES_SHOWN = 6
_SAMPLE = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """One tensor as a file's header describes it.

    Attributes:
        name: what the checkpoint calls it.
        file: the file it lies in.
        shape: its dimensions.
        dtype: its type, in the words of safetensors.
    """

    name: str
    file: Path
    shape: tuple[int, ...]
    dtype: str


def load_network(folder: Path, config: NetworkConfig, *, device: torch.device, dtype: torch.dtype) -> Network:
    """Build the network and fill it from the folder's safetensors, one file or shards with an index.

    Raises:
        CheckpointError: a file is missing or broken; a parameter is missing, unexpected, of another shape or of a
            type that is no plain float. The message names them as the checkpoint does.
    """
    stored = by_network_name(headers(folder))
    network, wanted = _built(lambda: Network(config))
    if config.decoder.is_tied and _HEAD not in stored:
        wanted.pop(_HEAD)
    compare(stored, wanted)
    state = {name: tensor.to(device, dtype) for name, tensor in _tensors(stored)}
    if _HEAD not in state or torch.equal(state[_HEAD], state[_EMBEDDING]):
        state[_HEAD] = state[_EMBEDDING]
    return _filled(network, state, device)


def load_aligner_network(
    folder: Path, config: AlignerConfig, *, device: torch.device, dtype: torch.dtype
) -> AlignerNetwork:
    """Build a forced aligner and fill it; otherwise as `load_network`."""
    found = by_network_name(headers(folder))
    stored = {_renamed(name, _HEAD_TO_ALIGNER): tensor for name, tensor in found.items()}
    network, wanted = _built(lambda: AlignerNetwork(config))
    compare(stored, wanted)
    return _filled(network, {name: tensor.to(device, dtype) for name, tensor in _tensors(stored)}, device)


def _built(build: Callable[[], Built]) -> tuple[Built, dict[str, tuple[int, ...]]]:
    """Build a network without memory, and tell the shapes of its parameters."""
    with torch.device("meta"):
        network = build()
    return network, {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def _filled(network: Built, state: Mapping[str, Tensor], device: torch.device) -> Built:
    network.load_state_dict(state, strict=True, assign=True)
    return network.requires_grad_(False).eval().to(device)


def headers(folder: Path) -> list[Stored]:
    """Read what the folder's safetensors say they hold, without reading the weights."""
    found: list[Stored] = []
    for file, names in _files(folder):
        with _opened(file) as content:
            present = list(content.keys())
            if lost := sorted(set(names or ()) - set(present)):
                raise CheckpointError(f"{INDEX} promises {_some(lost)} in {file.name}, which does not hold that.")
            for name in present:
                part = content.get_slice(name)
                shape = tuple(part.get_shape())
                found.append(Stored(name=name, file=file, shape=shape, dtype=part.get_dtype()))
    return found


def holds_bfloat16(folder: Path) -> bool:
    """Whether bfloat16 holds all weights of a folder exactly, because that is how they are stored."""
    return all(tensor.dtype == "BF16" for tensor in headers(folder))


def by_network_name(found: list[Stored]) -> dict[str, Stored]:
    """Key stored tensors by the names of the network's parameters, whichever layout they come in.

    A name of neither layout keeps its own, and `compare` then refuses it.
    """
    is_original = any(tensor.name.startswith("thinker.") for tensor in found)
    prefixes = _ORIGINAL_TO_NETWORK if is_original else _HF_TO_NETWORK
    named: dict[str, Stored] = {}
    for tensor in found:
        name = _renamed(tensor.name, prefixes)
        if name in named:
            raise CheckpointError(f"The checkpoint stores {tensor.name} and {named[name].name}, which are the same.")
        named[name] = tensor
    return named


def compare(stored: Mapping[str, Stored], wanted: Mapping[str, tuple[int, ...]]) -> None:
    """Hold the stored tensors against the parameters that the configuration asks for.

    Raises:
        CheckpointError: they are not the same names and shapes, or a type is not among F32, BF16 and F16.
    """
    missing = sorted(wanted.keys() - stored.keys())
    unexpected = sorted(stored[name].name for name in stored.keys() - wanted.keys())
    both = sorted(wanted.keys() & stored.keys())
    shapes = [
        f"{stored[name].name} {list(stored[name].shape)} instead of {list(wanted[name])}"
        for name in both
        if stored[name].shape != wanted[name]
    ]
    dtypes = [f"{stored[name].name} ({stored[name].dtype})" for name in both if stored[name].dtype not in _DTYPES]
    problems = [
        f"{kind}: {_some(names)}"
        for kind, names in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape", shapes),
            ("of an unsupported type", dtypes),
        )
        if names
    ]
    if problems:
        raise CheckpointError("The weights do not match config.json. " + "; ".join(problems) + ".")


def fingerprint(folder: Path) -> str:
    """Name the weights and their configuration by 12 hexadecimal digits, without reading gigabytes.

    It is the SHA-256 of config.json and, for every tensor, its name, type, shape and first numbers: those of the
    first row, at most 1024. Two trainings of one model differ in practically every number, so they differ here; a
    change that leaves the first row of every tensor alone would not be seen.
    """
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for tensor in sorted(headers(folder), key=lambda tensor: tensor.name):
        digest.update(f"{tensor.name} {tensor.dtype} {tensor.shape}".encode())
        with _opened(tensor.file) as content:
            part = content.get_slice(tensor.name)
            first = part[:1] if len(tensor.shape) > 1 else part[:_SAMPLE]
        digest.update(first.flatten()[:_SAMPLE].float().numpy().tobytes())
    return digest.hexdigest()[:12]


def _files(folder: Path) -> Iterator[tuple[Path, list[str] | None]]:
    """List the weight files, each with the names that the index promises in it (None without an index)."""
    if (folder / SINGLE).is_file():
        yield folder / SINGLE, None
        return
    if not (folder / INDEX).is_file():
        raise CheckpointError(f"{folder} holds neither {SINGLE} nor {INDEX}; no other weight format is read.")
    shards: dict[str, list[str]] = {}
    entries = read_json(folder / INDEX).get("weight_map")
    for name, file in (entries if isinstance(entries, dict) else {}).items():
        # A path in the index could lead out of the folder; the published ones are plain names.
        if not isinstance(file, str) or Path(file).name != file or not file.endswith(".safetensors"):
            raise CheckpointError(f"{INDEX} names {file!r} for {name}, which is no safetensors file of this folder.")
        shards.setdefault(file, []).append(name)
    if not shards:
        raise CheckpointError(f"{INDEX} has no weight_map.")
    for file, names in shards.items():
        yield folder / file, names


def _opened(file: Path) -> safe_open:
    try:
        return safe_open(file, framework="pt", device="cpu")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{file.name} cannot be read as safetensors: {error}.") from error


def _tensors(stored: Mapping[str, Stored]) -> Iterator[tuple[str, Tensor]]:
    """Read file by file, so that each is opened once."""
    for file in {tensor.file for tensor in stored.values()}:
        with _opened(file) as content:
            for name, tensor in stored.items():
                if tensor.file == file:
                    yield name, content.get_tensor(tensor.name)


def _renamed(name: str, prefixes: tuple[tuple[str, str], ...]) -> str:
    for old, new in prefixes:
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _some(names: list[str]) -> str:
    rest = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
