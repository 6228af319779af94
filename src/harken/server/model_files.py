"""Which folders a gateway serves its model from, so that it may offer their files; None where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harken.api.model_files import ModelFiles
from harken.config import Config, InstanceConfig
from harken.engine.resolve import AUTO, DIGITS, DIGITS_ALIGNER, HUB_ALIGNER, NO_ALIGNER, find_here
from harken.errors import CheckpointError
from harken.models.names import is_name, parse_spec
from harken.models.shelf import Shelf
from harken.models.store import ModelStore, open_store
from harken.plugin.find import is_engine


def open_model_files(config: Config, env: Mapping[str, str]) -> ModelFiles | None:
    """Return what the gateway offers, if it is to offer anything."""
    if not config.gateway.serves_models:
        return None
    store = open_store(config.models, env)
    return ModelFiles(Shelf(store, lambda: served_folders(config.instance, store)))


def served_folders(instance: InstanceConfig, store: ModelStore) -> dict[str, Path]:
    """The folders of the configured model and its aligner, by name; those that are on this machine."""
    found = {}
    for spec in (instance.model, _aligner_of(instance)):
        is_code = spec.partition(":")[0] == "stub" or is_engine(spec)
        folder = None if is_code or spec == NO_ALIGNER else find_here(spec, store=store)
        if folder is not None:
            name = _name_of(spec, folder)
            if is_name(name):
                found[name] = folder
    return found


def _aligner_of(instance: InstanceConfig) -> str:
    if instance.aligner != AUTO:
        return instance.aligner
    if is_engine(instance.model):
        return NO_ALIGNER
    return DIGITS_ALIGNER if instance.model == DIGITS else HUB_ALIGNER


def _name_of(spec: str, folder: Path) -> str:
    """What people call it: the name that was configured, or of a folder its card's or its own."""
    named = parse_spec(spec)
    if named is not None and not Path(spec).expanduser().is_dir():
        return named.name
    from harken.qwen3_asr.card import read_card

    try:
        return read_card(folder).name
    except CheckpointError:
        return folder.resolve().name  # the instances say what is wrong with it
