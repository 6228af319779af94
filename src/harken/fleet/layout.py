"""How the instances of a fleet are laid out, one by one, also those that come later: names, ports, devices, weights.

Pure: the configuration and what the machine has in. It joins `plan` (how one is laid out) with what the whole fleet
begins with; who is there just now its caller knows. The invariant: a name tells a number, and a number the port.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection

from harken.config import Config, FleetConfig, InstanceConfig
from harken.errors import ConfigError
from harken.fleet.machine import Machine
from harken.fleet.plan import devices_of, divide, lay, name_of, places_of
from harken.fleet.upstreams import parse_weights

_PORT_MAX = 65_535


class Layout:
    """The plan of one fleet.

    Args:
        config: of all of it.
        machine: cores and accelerators.

    Attributes:
        kinds: the devices that instances are placed on.
        planned: the devices of the instances that are configured.

    Raises:
        ConfigError: devices or weights that make no sense here.
    """

    def __init__(self, config: Config, machine: Machine) -> None:
        self._config = config
        self._machine = machine
        self._weights = Weights(config.fleet)
        self.kinds = devices_of(config, machine)
        self.planned = places_of(config, machine, config.fleet.instances)
        self._divided = divide(self.planned, config, machine)

    def places(self, instances: int) -> tuple[str, ...]:
        """Choose a device for each of so many."""
        return places_of(self._config, self._machine, instances)

    def laid(self, name: str, device: str, model: str) -> InstanceConfig:
        """Lay one instance out.

        Raises:
            ConfigError: there is no port for it.
        """
        number = _number(name)
        laid = lay(number, device, self._config, self._machine, self._divided)
        if laid.port > _PORT_MAX or laid.port == self._config.gateway.port != 0:
            raise ConfigError(f"There is no port for {name}: fleet.first_port + {number - 1} is {laid.port}.")
        return dataclasses.replace(laid, model=model)

    def weight(self, name: str) -> float:
        """See `Weights`."""
        return self._weights.of(name)


class Weights:
    """The instances' shares of the work under the weighted policies.

    Raises:
        ConfigError: `fleet.weights` makes no sense.
    """

    def __init__(self, fleet: FleetConfig) -> None:
        self._weights = parse_weights(fleet.weights, fleet.instances) or (1.0,)

    def of(self, name: str) -> float:
        """As configured; for numbers beyond that the mean, so that the others keep their proportions."""
        weights, number = self._weights, _number(name)
        return weights[number - 1] if number <= len(weights) else sum(weights) / len(weights)


def free_names(taken: Collection[str], count: int) -> tuple[str, ...]:
    """The next names that nobody has."""
    free = (name for number in itertools.count(1) if (name := name_of(number)) not in taken)
    return tuple(itertools.islice(free, count))


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])
