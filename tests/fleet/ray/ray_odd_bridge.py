"""A bridge whose instances ask for what Ray does not take, as if that had passed the check of the configuration."""

from __future__ import annotations

import sys

from harken.fleet.ray import bridge
from harken.fleet.ray.wish import Wish

if __name__ == "__main__":
    setattr(bridge, "wish_of", lambda _: Wish(num_cpus=0.00001, num_gpus=0.0))  # noqa: B010 - a name of its module
    sys.exit(bridge.main())
