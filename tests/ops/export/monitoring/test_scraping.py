"""prometheus.yml for all sorts of clusters, before promtool: what is scraped where, and how."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.ops.export.guide import harken
from tests.ops.export.monitoring.files import export, promtool

pytestmark = pytest.mark.slow


def written(folder: Path, *words: str) -> str:
    """The exported prometheus.yml, which promtool accepts."""
    file = export(folder, *words) / "prometheus.yml"
    done = promtool("check", "config", "--syntax-only", file)
    assert done.returncode == 0, done.stdout + done.stderr
    return file.read_text()


def targets(text: str) -> dict[str, list[str]]:
    """Each job's addresses."""
    found = re.findall(r"job_name: ([\w-]+)\n    static_configs:\n      - targets: \[(.*)\]", text)
    return {job: re.findall(r'"([^"]+)"', line) for job, line in found}


def test_the_gateway_and_its_engines_are_scraped_where_they_are_configured(tmp_path: Path) -> None:
    """With the gateway's name as the cluster's."""
    text = written(tmp_path, "--set", "gateway.name=north", "--set", "gateway.port=8000", "--set", "fleet.instances=2")
    assert targets(text) == {"harken": ["127.0.0.1:8000"], "harken-instances": ["127.0.0.1:7861", "127.0.0.1:7862"]}
    assert text.count('cluster: "north"') == 2
    assert "https" not in text and "authorization" not in text


def test_a_fleet_that_grows_is_scraped_at_all_its_ports(tmp_path: Path) -> None:
    """As many as the autoscaler may come to; an IPv6 address in brackets."""
    words = ("autoscale.mode=on", "autoscale.max=6", "fleet.host=::1", "gateway.host=::")
    text = written(tmp_path, *(part for word in words for part in ("--set", word)))
    assert targets(text)["harken-instances"] == [f"[::1]:{port}" for port in range(7861, 7867)]
    assert targets(text)["harken"] == ["[::1]:7860"]


@pytest.mark.parametrize("setting", ["fleet.first_port=0", "fleet.instances=0"])
def test_engines_that_nobody_can_find_are_not_scraped(setting: str, tmp_path: Path) -> None:
    """Ports left to the system, or none on this machine: the gateway tells the rest."""
    text = written(tmp_path, "--set", setting, "--set", "fleet.upstreams=http://gpu-2:8000/v1")
    assert [*targets(text)] == ["harken"]


@pytest.mark.parametrize(
    ("settings", "is_said"),
    [
        (("fleet.first_port=0",), True),
        (("fleet.first_port=0", "fleet.instances=0", "fleet.upstreams=http://gpu-2:8000/v1"), False),
        ((), False),
    ],
)
def test_ports_that_nobody_knows_are_said_to_be_missing(
    settings: tuple[str, ...], is_said: bool, tmp_path: Path
) -> None:
    """On the terminal and in the file, with what helps; where there is no instance nothing is missing."""
    words = [part for setting in settings for part in ("--set", setting)]
    done = harken("export", "monitoring", "--output", tmp_path, *words, env={"HARKEN_CONFIG": "/dev/null"})
    assert done.returncode == 0
    text = (tmp_path / "prometheus.yml").read_text()
    assert ("fleet.first_port is 0" in done.stderr, "fleet.first_port = 0" in text) == (is_said, is_said)


def test_servers_that_stand_alone_are_scraped_whole(tmp_path: Path) -> None:
    """Nothing of them is dropped: there is no gateway that tells it."""
    text = written(tmp_path, "--of", "instances", "--set", "fleet.instances=3")
    assert targets(text) == {"harken": ["127.0.0.1:7861", "127.0.0.1:7862", "127.0.0.1:7863"]}
    assert "metric_relabel_configs" not in text


def test_two_gateways_far_away_with_a_key_and_a_certificate(tmp_path: Path) -> None:
    """Https, checked, and a key that is read from a file, never written."""
    cert = ("--set", "gateway.tls_cert=/etc/c.pem", "--set", "gateway.tls_key=/etc/k.pem")
    where = ("--address", "a.example.org:443", "--address", "[2001:db8::1]:443")
    text = written(tmp_path, *where, *cert, "--key-file", "/etc/prometheus/harken key")
    assert targets(text)["harken"] == ["a.example.org:443", "[2001:db8::1]:443"]
    assert "    scheme: https\n" in text and "insecure" not in text
    assert '    authorization: {credentials_file: "/etc/prometheus/harken key"}\n' in text


def test_a_certificate_is_not_checked_on_the_same_machine(tmp_path: Path) -> None:
    """There it is for another name."""
    text = written(tmp_path, "--set", "gateway.tls_cert=/etc/c.pem", "--set", "gateway.tls_key=/etc/k.pem")
    assert "    scheme: https\n    tls_config: {insecure_skip_verify: true}" in text


def test_odd_names_stay_one_word(tmp_path: Path) -> None:
    """Quotes, braces, colons, a folder with a space and another script."""
    folder = tmp_path / "监控 'x': {y}"
    text = written(folder, "--set", 'gateway.name=a"b\\: {c} # d')
    assert 'cluster: "a\\"b\\\\: {c} # d"' in text
    provider = (folder / "grafana/provisioning/dashboards/harken.yml").read_text()
    assert f'path: "{folder}/grafana/dashboards"' in provider


def test_the_same_configuration_is_the_same_bytes(tmp_path: Path) -> None:
    """Written twice into the same folder, nothing changes, and nothing else is left there."""
    first = {path: path.read_bytes() for path in export(tmp_path).rglob("*") if path.is_file()}
    second = {path: path.read_bytes() for path in export(tmp_path).rglob("*") if path.is_file()}
    assert first == second
    assert len(first) == 6
