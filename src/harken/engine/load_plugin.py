"""From an installed engine's name to an engine that is ready to be entered, and the recording that proves it.

The only place that imports code of other packages. What goes wrong in there is one `PluginFailed` with the reason in a
sentence, its traceback in the log. The invariant: what an engine says of itself is checked here, once; behind it, it is
believed.
"""

from __future__ import annotations

import dataclasses
from typing import cast

from harken.config import InstanceConfig
from harken.engine.canary import Canary, packaged_canary
from harken.engine.plugin_engine import PluginEngine
from harken.engine.plugin_info import checked_info
from harken.engine.resolve import AUTO, NO_ALIGNER
from harken.engine.steps import summary
from harken.errors import ConfigError, HarkenError, PluginFailed
from harken.log import get_log
from harken.machine.cores import own_cores
from harken.plugin import EngineInfo, Factory, Setup, SpeechEngine
from harken.plugin.find import Found

_log = get_log("engine.load")


def load_plugin(found: Found, config: InstanceConfig) -> tuple[PluginEngine, Canary, EngineInfo]:
    """Import and load an engine; blocks.

    Args:
        found: which.
        config: of the instance.

    Raises:
        ConfigError: a setting that such an engine does not have; or the engine's own, for its argument.
        PluginFailed: it cannot be imported or loaded, or says impossible things of itself.
    """
    _refuse_settings(config)
    _log.info("engine.loading", model=config.model, engine=found.name, package=found.package, version=found.version)
    threads = config.threads or max(1, own_cores().count)
    setup = Setup(argument=found.argument, device=config.device, threads=threads, slots=config.slots)
    engine = _made(found, setup)
    info = _checked(found, engine)
    if config.slots > info.slots:
        raise ConfigError(f"The engine {found} runs at most {info.slots} segments at a time, not {config.slots}.")
    plugin = PluginEngine(
        engine,
        info,
        slots=config.slots or info.slots,
        waiting=config.waiting,
        times_words=info.times_words and config.aligner == AUTO,
        name=config.name,
        drain_timeout_s=config.drain_timeout_s,
    )
    return plugin, _canary_of(found, info), info


def _refuse_settings(config: InstanceConfig) -> None:
    for key, value, usual in (("quantize", config.quantize, "none"), ("dtype", config.dtype, AUTO)):
        if value != usual:
            raise ConfigError(f"--{key} {value} is for the weights of Qwen3-ASR; {config.model!r} is another engine.")


def _made(found: Found, setup: Setup) -> SpeechEngine:
    """What its factory makes. Its own `HarkenError` passes: it says better what is wrong."""
    doing = "imported"
    try:
        factory = cast("Factory", found.entry.load())
        doing = "loaded"
        return factory(setup)
    except (HarkenError, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit too: a package must not end this process without a word
        _log.error("engine.plugin_failed", engine=found.name, package=found.package, exc_info=error)
        raise PluginFailed(f"The engine {found} cannot be {doing}: {summary(error)}") from error


def _checked(found: Found, engine: SpeechEngine) -> EngineInfo:
    """What it says of itself, checked and with a revision.

    Raises:
        PluginFailed: that cannot be.
    """
    try:
        info = engine.info
        method = getattr(engine, "recognize", None)
    except BaseException as error:  # as in its factory
        _log.error("engine.plugin_failed", engine=found.name, package=found.package, exc_info=error)
        raise PluginFailed(f"The engine {found} does not say what it is: {summary(error)}") from error
    if not isinstance(info, EngineInfo):
        raise PluginFailed(f"The engine {found} does not say what it is: its info is {type(info).__name__}.")
    if not callable(method):
        raise PluginFailed(f"The engine {found} has no method recognize.")
    try:
        return checked_info(info, revision=f"{found.package} {found.version}")
    except ValueError as error:
        raise PluginFailed(f"The engine {found} says of itself what cannot be: {error}.") from error


def _canary_of(found: Found, info: EngineInfo) -> Canary:
    """With what it proves itself.

    Raises:
        PluginFailed: that is no recording for it.
    """
    proof = info.proof
    if proof is None:
        packaged = dataclasses.replace(packaged_canary(), language="")
        if "English" not in info.languages:
            raise PluginFailed(
                f"The engine {found} knows no English, so it must bring a proof: a recording and its text."
            )
        return packaged
    return Canary(samples=proof.samples, text=proof.text, tolerance=proof.tolerance)


def wants_own_aligner(config: InstanceConfig) -> bool:
    """Whether the configuration names an aligner to time the words in an engine's place."""
    return config.aligner not in (AUTO, NO_ALIGNER)
