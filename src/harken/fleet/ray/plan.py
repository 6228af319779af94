"""How the instances of a Ray cluster are laid out. Pure.

Where each goes, nobody knows before Ray has placed it: its address is its node's, its port a free one, and its GPU the
one that Ray shows it. The invariant: an instance takes no more of a GPU's memory than it asked Ray for.
"""

from __future__ import annotations

import dataclasses

from harken.config import Config, InstanceConfig
from harken.fleet.layout import Weights
from harken.fleet.placing import CPU
from harken.fleet.ray.wish import Wish

GROUP = "ray"
"""Of all instances: they share no fate that is known here."""


class RayPlan:
    """The plan of one fleet.

    Args:
        config: of all of it.
        wish: of each instance.

    Attributes:
        kinds: one: what an instance computes on.

    Raises:
        ConfigError: weights that make no sense.
    """

    def __init__(self, config: Config, wish: Wish) -> None:
        self._config = config
        self._wish = wish
        self._weights = Weights(config.fleet)
        self.kinds = ("cuda" if wish.num_gpus else CPU,)

    def places(self, instances: int) -> tuple[str, ...]:
        """See `Plan`."""
        return self.kinds * instances

    def laid(self, name: str, device: str, model: str) -> InstanceConfig:
        """See `Plan`; there is always a place for it: it may have to wait for that."""
        own, gpus = self._config.instance, self._wish.num_gpus
        return dataclasses.replace(
            own,
            model=model,
            name=name,
            host="",
            port=0,
            threads=own.threads or max(1, int(self._wish.num_cpus)),
            device=device,
            memory_share=own.memory_share * (gpus if 0 < gpus < 1 else 1.0),
        )

    def weight(self, name: str) -> float:
        """See `Plan`."""
        return self._weights.of(name)
