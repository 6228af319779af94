"""Who wants to know where instances listen."""

from __future__ import annotations

from typing import Protocol

from harken.dispatch.lines.line import OpenLine


class TargetOwner(Protocol):
    """Who wants to know where instances listen: the dispatcher."""

    def add_target(self, name: str, url: str, open_line: OpenLine | None = None, *, weight: float = 1.0) -> None:
        """An instance listens there; it may still be loading.

        Args:
            name: of the instance.
            url: its address.
            open_line: makes the line to it; None: as to an instance of ours.
            weight: its share of the work under the weighted policies.
        """
        ...

    def remove_target(self, name: str) -> None:
        """Its process is gone."""
        ...

    def drain_target(self, name: str) -> None:
        """Give it nothing more; what it has may finish."""
        ...

    async def wait_drained(self, name: str, timeout_s: float) -> bool:
        """Return when nothing runs on it; what still does after `timeout_s` seconds goes elsewhere, then False."""
        ...

    async def wait_in_service(self, name: str) -> None:
        """Return when it takes work."""
        ...


class WatchfulOwner(TargetOwner, Protocol):
    """Who also says how they are."""

    def takes_work(self, name: str) -> bool:
        """Whether an instance would be given work now; False for an unknown name."""
        ...
