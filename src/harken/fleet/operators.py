"""Operators who come by HTTP: the same requests as on the control socket, without the progress.

What a request means is in `handlers`. The invariant: what can be asked here can be asked there, and does the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harken.errors import ClientError
from harken.fleet.control import Handler
from harken.fleet.one_change import OneChange


class Operators:
    """Brings requests to their handlers.

    Args:
        handlers: by what a request's "do" says.
        one: the change under way.
    """

    def __init__(self, handlers: Mapping[str, Handler], one: OneChange) -> None:
        self._handlers = handlers
        self._one = one

    @property
    def under_way(self) -> str:
        """What is being changed now; "" for nothing."""
        return self._one.under_way

    async def do(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a request says, and return what came of it; its progress is in the log.

        Raises:
            HarkenError: it cannot be done, or was not.
        """
        handler = self._handlers.get(str(wish.get("do")))
        if handler is None:
            raise ClientError(f"There is nothing to do that is called {str(wish.get('do'))[:80]!r}.")
        return await handler(wish, _nobody_listens)


def _nobody_listens(_: str) -> None:
    pass
