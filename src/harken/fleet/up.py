"""`harken up`: the gateway and its fleet as one process tree."""

from __future__ import annotations

import sys

from harken.config import Config
from harken.dispatch.dispatcher import Dispatcher
from harken.fleet.local import LocalFleet
from harken.log import set_up_log
from harken.server.announce import announce_to
from harken.server.gateway import Gateway
from harken.server.run import run


def run_gateway(config: Config) -> int:
    """Run a gateway over instances on this machine until it is told to leave.

    Returns:
        The exit code: 0 after SIGTERM or Ctrl-C; 3 when it, or every instance, cannot start as told, with the reason
        as the last line of standard error.
    """
    set_up_log(config.log)

    def open_fleet(dispatcher: Dispatcher) -> LocalFleet:
        return LocalFleet(config, dispatcher)

    def build(_: str) -> Gateway:
        return Gateway(config, open_fleet)

    own = config.gateway
    announce = announce_to(sys.stdout, as_json=not sys.stdout.isatty())
    return run(build, host=own.host, port=own.port, name=own.name, announce=announce)
