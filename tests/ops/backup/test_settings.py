"""The effective configuration in a backup."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harken.config import (
    AuthConfig,
    CacheConfig,
    Config,
    FleetConfig,
    InstanceConfig,
    JobsConfig,
    StateConfig,
    load_config,
)
from harken.ops.backup.settings import effective_toml


def read_back(config: Config, folder: Path) -> Config:
    """Write it, and read it as a harken.toml."""
    path = folder / "harken.toml"
    path.write_text(effective_toml(config), encoding="utf-8")
    return load_config(path)


def test_it_is_a_harken_toml_that_means_the_same(tmp_path: Path) -> None:
    """Odd text, paths and numbers included."""
    odd = 'a "quoted" \\ name\twith 声音, \x7f and a \u2028 line'
    config = Config(
        instance=InstanceConfig(model=odd, memory_share=0.123456789),
        state=StateConfig(folder="/srv/harken", database="postgresql+psycopg:///harken?host=/run/pg"),
        jobs=JobsConfig(is_enabled=False),
    )
    assert read_back(config, tmp_path) == config


def test_upstreams_that_say_where_a_key_is_are_kept(tmp_path: Path) -> None:
    """A variable's name may sound secret, and a revision may have an "@" before it."""
    upstreams = "http://gpu-2:8000/v1#key_env=GPU_TOKEN&model=x/y@v2 https://[::1]/v1"
    config = dataclasses.replace(Config(), fleet=FleetConfig(upstreams=upstreams))
    assert read_back(config, tmp_path) == config


@pytest.mark.parametrize(
    ("changes", "secret"),
    [
        ({"fleet": FleetConfig(upstreams="http://gpu-2:8000 http://me:hunter2@gpu-3:8000/v1")}, "hunter2"),
        ({"fleet": FleetConfig(upstreams="https://hunter2@gpu-3/v1")}, "hunter2"),
        ({"fleet": FleetConfig(upstreams="https://me:hunter2#x@gpu-3/v1")}, "hunter2"),
        ({"fleet": FleetConfig(upstreams="https://gpu-3/v1?api_key=hunter2")}, "hunter2"),
        ({"state": StateConfig(database="postgresql+psycopg://me:hunter2@db/harken")}, "hunter2"),
        ({"state": StateConfig(database="postgresql+psycopg:///harken?password=hunter2")}, "hunter2"),
        ({"jobs": JobsConfig(webhook_secret="whsec_hunter2")}, "hunter2"),
        ({"cache": CacheConfig(url="redis://:hunter2@host/0")}, "hunter2"),
        ({"auth": AuthConfig(storage="redis://me:hunter2@host")}, "hunter2"),
    ],
)
def test_a_secret_is_left_out_by_name(changes: dict[str, object], secret: str, tmp_path: Path) -> None:
    """A comment says which key; all others are there."""
    config = dataclasses.replace(Config(), **changes)  # type: ignore[arg-type]
    written = effective_toml(config)
    assert secret not in written
    assert "is left out" in written
    assert read_back(config, tmp_path) == Config()
