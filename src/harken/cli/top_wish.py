"""What somebody at `harken top` wants changed, and its sentences: the dashboard's. Pure.

`tests/cli/test_top_wish.py` holds the sentences against the page's words. The invariant: a wish names what it changes,
so that what was confirmed is what is done, whatever the screen shows by then.
"""

from __future__ import annotations

from dataclasses import dataclass

COUNT_MAX = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """A change.

    Attributes:
        kind: "scale", "drain" or "restart".
        name: of the instance, except of scale.
        count: how many instances there should be; of scale alone.
    """

    kind: str
    name: str = ""
    count: int = 0

    @property
    def title(self) -> str:
        """What is asked before."""
        return "Scale the fleet" if self.kind == "scale" else f"{self.kind.capitalize()} {self.name}?"

    @property
    def why(self) -> str:
        """What it means."""
        if self.kind == "drain":
            return "It finishes what it has, and then stays out of service until it is restarted."
        return "It finishes what it has; then a new process takes its place. Nothing accepted is lost."

    @property
    def running(self) -> str:
        """While it is made."""
        if self.kind == "scale":
            return f"Scaling to {_instances(self.count)}…"
        return f"{'Draining' if self.kind == 'drain' else 'Restarting'} {self.name}…"

    @property
    def done(self) -> str:
        """When it is made."""
        if self.kind == "scale":
            return f"The fleet has {_instances(self.count)} now."
        if self.kind == "drain":
            return f"{self.name} is drained. Restart it to bring it back."
        return f"{self.name} was restarted."

    @property
    def failed(self) -> str:
        """When it is not."""
        if self.kind == "scale":
            return f"Scaling to {self.count} failed."
        return f"{'Draining' if self.kind == 'drain' else 'Restarting'} {self.name} failed."


def _instances(count: int) -> str:
    return f"{count} instance{'' if count == 1 else 's'}"
