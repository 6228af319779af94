"""A configuration as the variables that a process needs beside its file.

Owns which settings travel: those that the file alone would not give, and of an instance always its place (name, port,
device, threads, share of memory). It knows no tool. The invariant: a setting that may hold a password never travels,
because unit files and process lists are read by others; it is named instead, so that somebody puts it into the file.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from harken.config import SECTIONS, Config, InstanceConfig

PLACE = ("name", "host", "port", "device", "threads", "memory_share")
"""What of an instance is its own."""

_OF_GATEWAYS = frozenset({"gateway", "fleet", "dispatch"})
"""Sections that an instance alone has no use for."""

_MAY_HOLD_SECRETS = frozenset(
    {("state", "database"), ("cache", "url"), ("auth", "storage"), ("jobs", "webhook_secret")}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What a process is told beside its file.

    Attributes:
        variables: name → value.
        withheld: settings, as "section.key", that were given by a variable or a flag and may hold a password.
    """

    variables: dict[str, str]
    withheld: tuple[str, ...] = ()


def settings_of_gateway(config: Config, file: Config) -> Settings:
    """Say what `harken up` is told beside its file.

    Args:
        config: what holds, of file, variables and flags together.
        file: what the file alone gives.
    """
    return _beside(config, file, frozenset())


def settings_of_instance(instance: InstanceConfig, config: Config, file: Config) -> Settings:
    """Say what `harken serve` is told beside its file.

    Args:
        instance: its place, as a plan has it.
        config: what holds, of file, variables and flags together.
        file: what the file alone gives.
    """
    own = dataclasses.replace(config, instance=instance)
    found = _beside(own, file, _OF_GATEWAYS)
    place = {_variable("instance", key): _text(getattr(instance, key)) for key in PLACE}
    return Settings(variables={**place, **found.variables}, withheld=found.withheld)


def _beside(config: Config, file: Config, without: frozenset[str]) -> Settings:
    variables: dict[str, str] = {}
    withheld: list[str] = []
    for section in SECTIONS:
        if section in without:
            continue
        holds, written = getattr(config, section), getattr(file, section)
        for part in dataclasses.fields(holds):
            value = getattr(holds, part.name)
            if value == getattr(written, part.name):
                continue
            if (section, part.name) in _MAY_HOLD_SECRETS:
                withheld.append(f"{section}.{part.name}")
            else:
                variables[_variable(section, part.name)] = _text(value)
    return Settings(variables=variables, withheld=tuple(withheld))


def _variable(section: str, key: str) -> str:
    return f"HARKEN_{section}_{key}".upper()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
