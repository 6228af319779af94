"""Configuration: one documented file, overridden in one order, never silently ignored."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.cli.app import read_config
from harken.config import SECTIONS, Config, load_config
from harken.errors import ConfigError

EXAMPLE = Path(__file__).parent.parent / "docs" / "harken.toml"


def _write(folder: Path, text: str) -> Path:
    path = folder / "harken.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_documented_example_is_the_reference() -> None:
    """Every key stands in docs/harken.toml with its default; nothing else stands there."""
    raw = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    expected = {
        name: {field.name: getattr(getattr(Config(), name), field.name) for field in dataclasses.fields(kind)}
        for name, kind in SECTIONS.items()
    }
    assert raw == expected
    assert load_config(EXAMPLE) == Config()


def test_flags_override_variables_which_override_the_file(tmp_path: Path) -> None:
    """The nearest word wins."""
    path = _write(tmp_path, "[fleet]\ninstances = 1\nfirst_port = 9000\nstart_retries = 9\n")
    env = {"HARKEN_FLEET_INSTANCES": "2", "HARKEN_FLEET_FIRST_PORT": "9100"}
    fleet = load_config(path, env, {"fleet": {"instances": 3, "first_port": None}}).fleet
    assert (fleet.instances, fleet.first_port, fleet.start_retries) == (3, 9100, 9)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[gatway]\nport = 1\n", "did you mean 'gateway'"),
        ("[gateway]\nprot = 1\n", "did you mean 'port'"),
        ("[limits]\nqueue_limt = 1\n", "queue_limt"),
        ("port = 1\n", "section: 'port'"),
    ],
)
def test_an_unknown_name_in_the_file_is_an_error_with_a_hint(tmp_path: Path, text: str, hint: str) -> None:
    """A typo never means the default."""
    with pytest.raises(ConfigError, match=hint):
        load_config(_write(tmp_path, text))


@pytest.mark.parametrize("variable", ["HARKEN_FLEET_INSTANCS", "HARKEN_FLET_INSTANCES", "HARKEN_INSTANCES"])
def test_an_unknown_variable_is_an_error_that_names_it(variable: str) -> None:
    """A typo in the environment is no more silent than one in the file."""
    with pytest.raises(ConfigError, match=variable):
        load_config(env={variable: "2"})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HARKEN_GATEWAY_PORT", "tcp://10.0.0.1:7860"),
        ("HARKEN_GATEWAY_SERVICE_HOST", "10.0.0.1"),
        ("HARKEN_GATEWAY_SERVICE_PORT_HTTP", "7860"),
        ("HARKEN_PORT_7860_TCP_ADDR", "10.0.0.1"),
        ("HARKEN_CONFIG", "/etc/harken.toml"),
        ("OTHER", "1"),
    ],
)
def test_what_kubernetes_invents_is_not_configuration(variable: str, value: str) -> None:
    """A service called harken-gateway must not break the pod beside it."""
    assert load_config(env={variable: value}) == Config()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[gateway]\nport = 'many'\n", "gateway.port must be a whole number"),
        ("[gateway]\nport = 1.5\n", "gateway.port must be a whole number"),
        ("[gateway]\nport = true\n", "gateway.port must be a whole number"),
        ("[gateway]\nport = 70000\n", "at most 65535"),
        ("[gateway]\nname = 1\n", "gateway.name must be text"),
        ("[fleet]\ninstances = 0\n", "more than 0"),
        ("[fleet]\ninstances = -1\n", "0 or more"),
        ("[limits]\naudio_s = nan\n", "more than 0"),
        ("[limits]\naudio_s = inf\n", "more than 0"),
        (f"[limits]\naudio_s = 1{'0' * 400}\n", "limits.audio_s must be a number"),
        (f"[limits]\naudio_s = 1{'0' * 5000}\n", "not valid TOML"),
        ("[gateway]\nport = [\n", "not valid TOML"),
        ("[fleet]\nmps_thread_percentage = 50\n", "fleet.mps is 'off'"),
        ("[log]\nfiles = 1001\n", "log.files must be at most 1000"),
        ("[log]\nfile_bytes = 0\n", "log.file_bytes must be more than 0"),
        ("[instance]\nmemory_share = 0\n", "instance.memory_share must be more than 0"),
        ("[instance]\nmemory_share = 1.01\n", "instance.memory_share must be at most 1, not 1.01"),
        ("[fleet]\nmps_thread_percentage = 101\n", "fleet.mps_thread_percentage must be at most 100"),
        ("[autoscale]\nmode = 'dry'\n", "autoscale.mode must be one of off, on, dry-run, not 'dry'"),
        ("[autoscale]\nsignals = 'gpu'\n", "autoscale.signals must be one of auto, cpu"),
        ("[autoscale]\nmin = 9\n", "autoscale.min 9 is more than autoscale.max 8"),
        ("[autoscale]\nmin = 0\nmax = 0\n", "autoscale.max must be more than 0"),
        ("[autoscale]\ncpu_share = 80\n", "autoscale.cpu_share must be at most 1, not 80"),
        ("[autoscale]\nmax = 1001\n", "autoscale.max must be at most 1000"),
        ("[autoscale]\nmode = 'on'\n[fleet]\nfirst_port = 65530\n", "no room for autoscale.max 8 instances"),
        ("[autoscale]\nmode = 'on'\n[gateway]\nport = 7868\n", "gateway.port 7868 may become an instance's"),
        ("gateway = 3\n", "gateway"),
        ("[fleet]\nfirst_port = 65535\ninstances = 2\n", "leaves no room for 2 instances"),
        ("[gateway]\nport = 7862\n", "gateway.port 7862 is also an instance's"),
    ],
)
def test_a_value_of_the_wrong_kind_is_an_error_that_names_the_key(tmp_path: Path, text: str, complaint: str) -> None:
    """Nothing is guessed from a value that does not fit."""
    with pytest.raises(ConfigError, match=complaint):
        load_config(_write(tmp_path, text))


def test_where_the_reference_says_that_0_turns_something_off_it_is_accepted(tmp_path: Path) -> None:
    """Canaries, second tries, setting aside, the cache, limits, rotated logs."""
    text = (
        "[dispatch]\nhedge_share = 0\ncanary_interval_s = 0\neject_share = 0\n[cache]\nbytes = 0\n"
        "[auth]\nrequests_per_minute = 0\naudio_s_per_minute = 0\n[log]\nfiles = 0\n"
    )
    dispatch = load_config(_write(tmp_path, text)).dispatch
    assert (dispatch.hedge_share, dispatch.canary_interval_s, dispatch.eject_share) == (0.0, 0.0, 0.0)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """A file that was asked for must be there."""
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        load_config(tmp_path / "nowhere.toml")


@given(st.floats(min_value=0.001, max_value=1e6))
def test_a_number_means_the_same_in_the_file_and_in_a_variable(value: float) -> None:
    """Text from the environment is read as its key's kind."""
    assert load_config(env={"HARKEN_LIMITS_AUDIO_S": repr(value)}).limits.audio_s == value


def test_set_reaches_every_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever has no flag of its own is reached with --set."""
    monkeypatch.chdir(tmp_path)
    config = read_config(None, ["limits.attempts=7", "gateway.name=front"], gateway={"port": None})
    assert (config.limits.attempts, config.gateway.name, config.gateway.port) == (7, "front", 7860)
    for wrong in ("limits.attempts", "attempts=7"):
        with pytest.raises(ConfigError, match="SECTION"):
            read_config(None, [wrong])


def test_a_harken_toml_in_the_folder_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The usual place needs no flag."""
    _write(tmp_path, "[fleet]\ninstances = 2\n")
    monkeypatch.chdir(tmp_path)
    assert read_config(None, None).fleet.instances == 2


def test_other_defaults_give_way_to_everything_that_was_written(tmp_path: Path) -> None:
    """Named upstreams mean no instances here, unless somebody says how many."""
    defaults = {"fleet": {"instances": 0, "upstreams": "http://a"}}
    path = _write(tmp_path, "[fleet]\ninstances = 2\n")
    assert load_config(None, {}, {}, defaults).fleet.instances == 0
    assert load_config(path, {}, {}, defaults).fleet.instances == 2
    assert load_config(path, {"HARKEN_FLEET_INSTANCES": "3"}, {}, defaults).fleet.instances == 3
    assert load_config(None, {}, {"fleet": {"instances": 1}}, defaults).fleet.instances == 1
