"""Which settings a process is told beside its file."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.config import (
    CacheConfig,
    Config,
    GatewayConfig,
    InstanceConfig,
    JobsConfig,
    LimitsConfig,
    LogConfig,
    StateConfig,
    load_config,
)
from harken.ops.export.settings import settings_of_gateway, settings_of_instance

FILE = Config(limits=LimitsConfig(attempts=2), instance=InstanceConfig(model="digits", slots=3))
PLACE = InstanceConfig(model="digits", slots=3, name="asr-2", port=7862, device="cuda:0", threads=4, memory_share=0.45)


def test_a_process_with_the_file_and_these_variables_reads_what_holds() -> None:
    """An instance: its place from the variables, its model from the file, its limits from a flag."""
    config = dataclasses.replace(FILE, limits=LimitsConfig(attempts=3))
    settings = settings_of_instance(PLACE, config, FILE)
    read = load_config(env=settings.variables, defaults=_as_defaults(FILE))
    assert read.instance == PLACE
    assert read.limits == config.limits
    assert "HARKEN_INSTANCE_MODEL" not in settings.variables, "the file says it"


def test_an_instance_is_not_told_what_only_gateways_know() -> None:
    """The ports of a gateway are nothing for it."""
    config = dataclasses.replace(FILE, gateway=GatewayConfig(port=1234))
    assert not any("GATEWAY" in name for name in settings_of_instance(PLACE, config, FILE).variables)
    assert settings_of_gateway(config, FILE).variables == {"HARKEN_GATEWAY_PORT": "1234"}


def test_a_setting_that_is_back_at_its_default_is_told_too() -> None:
    """Where the file says otherwise."""
    assert settings_of_gateway(Config(instance=FILE.instance), FILE).variables == {"HARKEN_LIMITS_ATTEMPTS": "4"}


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (Config(state=StateConfig(database="postgresql+psycopg://harken:secret@db/harken")), "state.database"),
        (Config(cache=CacheConfig(url="redis://:secret@cache:6379/0")), "cache.url"),
        (Config(jobs=JobsConfig(webhook_secret="secret")), "jobs.webhook_secret"),
    ],
)
def test_what_may_hold_a_password_is_named_and_not_written(config: Config, name: str) -> None:
    """Unit files are read by others."""
    settings = settings_of_gateway(config, Config())
    assert settings.withheld == (name,)
    assert "secret" not in str(settings.variables)


@given(
    level=st.sampled_from(["debug", "info"]),
    seconds=st.floats(0.001, 1e9),
    count=st.integers(1, 2**40),
    is_enabled=st.booleans(),
    name=st.text(min_size=1, max_size=20),
)
def test_every_kind_of_value_is_read_as_it_was(
    level: str, seconds: float, count: int, is_enabled: bool, name: str
) -> None:
    """Numbers, words and truth, to the last digit."""
    config = Config(
        log=LogConfig(level=level),
        limits=LimitsConfig(audio_s=seconds, upload_bytes=count),
        jobs=JobsConfig(is_enabled=is_enabled),
        gateway=GatewayConfig(name=name),
    )
    assert load_config(env=settings_of_gateway(config, Config()).variables) == config


def _as_defaults(config: Config) -> dict[str, dict[str, Any]]:
    """What a file would have said."""
    return {"limits": dataclasses.asdict(config.limits), "instance": dataclasses.asdict(config.instance)}
