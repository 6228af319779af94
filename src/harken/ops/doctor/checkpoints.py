"""The model and the aligner, as far as they can be known without loading them: folder, shape, whether they are whole.

Never downloads and never uses the network. A published checkpoint that is not here yet is described by built-in
figures; everything else that is wrong with a folder is told by name, as an instance would tell it a minute later.
"""

from __future__ import annotations

from pathlib import Path

from harken.config import InstanceConfig
from harken.engine.resolve import AUTO, NO_ALIGNER, HubError, HuggingFaceHub, resolve_aligner, resolve_model
from harken.errors import HarkenError, ModelUnavailable
from harken.models.names import parse_spec
from harken.models.store import ModelStore
from harken.ops.doctor.facts import Checkpoint
from harken.plugin.find import is_engine
from harken.qwen3_asr.aligner_config import AlignerConfig, read_aligner_config
from harken.qwen3_asr.card import read_card
from harken.qwen3_asr.config import NetworkConfig, read_config
from harken.qwen3_asr.fields import read_json
from harken.qwen3_asr.header import read_headers
from harken.qwen3_asr.native.library import has_heads_of, library
from harken.qwen3_asr.published import published

_INDEX = "model.safetensors.index.json"


class OnThisMachine:
    """A hub that only knows what was downloaded before."""

    def cached(self, name: str) -> Path | None:
        """See `harken.engine.resolve.Hub`; nothing where the hub's package is not installed."""
        try:
            return HuggingFaceHub().cached(name)
        except ImportError:
            return None

    def download(self, name: str) -> Path:
        """Refuse.

        Raises:
            HubError: always.
        """
        raise HubError(f"{name} was not looked for")


def is_stub(model: str) -> bool:
    """Whether a model's name means the stand-in that has no network."""
    return model == "stub" or model.startswith("stub:")


def has_checkpoint(model: str) -> bool:
    """Whether a model's name means a folder with weights of ours: no stub, no engine of another package."""
    return not is_stub(model) and not is_engine(model)


def look_at_model(instance: InstanceConfig, store: ModelStore | None = None) -> Checkpoint:
    """Look at the model of an instance; not for a stub.

    Args:
        instance: names it.
        store: the models that were pulled; None for none.
    """
    name = instance.model
    try:
        folder = resolve_model(name, OnThisMachine(), store)
    except ModelUnavailable as error:
        return _missing(name, error)
    except HarkenError as error:
        return Checkpoint(name=name, problem=error.message, remedy="harken doctor --model Qwen/Qwen3-ASR-1.7B")
    except OSError as error:
        return Checkpoint(name=name, problem=f"{name[:200]}: {error.strerror}", remedy="name another folder")
    return _read(name, folder, is_aligner=False)


def look_at_aligner(instance: InstanceConfig, store: ModelStore | None = None) -> Checkpoint | None:
    """Look at the aligner of an instance; None for none, and for "auto" where none is at hand.

    Args:
        instance: names it, and its model.
        store: the models that were pulled; None for none.
    """
    name = instance.aligner
    try:
        folder = resolve_aligner(name, instance.model, OnThisMachine(), store)
    except ModelUnavailable as error:
        return _missing(name, error)
    except HarkenError as error:
        return Checkpoint(name=name, problem=error.message, remedy=f"--aligner {AUTO}, or --aligner {NO_ALIGNER}")
    except OSError as error:
        return Checkpoint(name=name, problem=f"{name[:200]}: {error.strerror}", remedy="name another folder")
    return None if folder is None else _read(name, folder, is_aligner=True)


def _missing(name: str, error: ModelUnavailable) -> Checkpoint:
    wanted = parse_spec(name)
    if wanted is not None and wanted.revision is not None:
        # Nobody downloads a revision at the start: `harken up` would end here.
        return Checkpoint(name=name, problem=error.message, remedy=f"harken pull {name}")
    known = published(name)
    if known is None:
        return Checkpoint(name=name)
    return Checkpoint(name=name, config=known.config, is_builtin=True, stored_bytes=known.stored_bytes)


def _read(name: str, folder: Path, *, is_aligner: bool) -> Checkpoint:
    try:
        config: NetworkConfig | AlignerConfig = read_aligner_config(folder) if is_aligner else read_config(folder)
        card = read_card(folder)
        index = read_json(folder / _INDEX) if (folder / _INDEX).is_file() else None
        headers = read_headers(folder, None if (folder / "model.safetensors").is_file() else index)
    except HarkenError as error:
        again = f"harken pull {name}" if published(name) else f"fetch the checkpoint in {folder} again"
        return Checkpoint(name=name, folder=folder, problem=error.message, remedy=again)
    except OSError as error:
        step = f"let this user read it: chmod -R a+rX {folder}"
        return Checkpoint(name=name, folder=folder, problem=f"{folder}: {error.strerror}", remedy=step)
    return Checkpoint(
        name=card.name if name == AUTO else name,
        folder=folder,
        config=config,
        is_bfloat16=all(header.dtypes <= {"BF16"} for header in headers),
        max_segment_s=card.max_segment_s,
        stored_bytes=sum(header.file_bytes for header in headers),
        can_pack=_can_pack(config),
    )


def _can_pack(config: NetworkConfig | AlignerConfig) -> bool:
    """As `native.pack.can_pack`, which needs torch."""
    body = config.body if isinstance(config, AlignerConfig) else config
    sizes = (body.encoder.width // body.encoder.heads, body.decoder.head_dim)
    return library() is not None and all(has_heads_of(size) for size in sizes)
