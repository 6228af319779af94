"""Ports, as they really are."""

from __future__ import annotations

import socket

import pytest

from harken.config import Config, FleetConfig, GatewayConfig, InstanceConfig
from harken.ops.doctor.facts import Port
from harken.ops.doctor.places import reachable_descriptors, try_port, wanted_ports
from harken.server.port import bind, listen


@pytest.mark.slow
def test_a_port_is_free_before_and_after_it_was_tried() -> None:
    """It is given back at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        assert str(number) in try_port(Port(owner="gateway", host="127.0.0.1", number=number))
    for _ in range(2):
        assert try_port(Port(owner="gateway", host="127.0.0.1", number=number)) == ""
    assert "Cannot listen on" in try_port(Port(owner="gateway", host="no.such.host.invalid", number=number))


def test_trying_a_port_is_in_nobodys_way() -> None:
    """A server can take it while it is being tried, and two may try at once."""
    with bind("127.0.0.1", 0) as first:
        number = first.getsockname()[1]
        assert try_port(Port(owner="gateway", host="127.0.0.1", number=number)) == ""
        with listen("127.0.0.1", number) as server:
            assert server.getsockname()[1] == number


def test_ports_that_the_system_chooses_are_not_tried() -> None:
    """A port 0 is always free."""
    config = Config(gateway=GatewayConfig(port=0), fleet=FleetConfig(first_port=7861))
    instances = (InstanceConfig(name="asr-1", port=7861), InstanceConfig(name="asr-2", port=0))
    assert [(port.owner, port.number) for port in wanted_ports(config, instances)] == [("asr-1", 7861)]


def test_descriptors_are_counted_as_a_server_would_have_them() -> None:
    """At least as many as this process has now."""
    assert reachable_descriptors() > 0
