"""The outlet: a segment's text on its way to the client, whoever says it.

Of several tries at once, the first that says something is the one that the client hears; it knows nothing else of them.
Invariant: the client never hears two tries, and `is_used` is true from the moment at which it has heard one.
"""

from __future__ import annotations

from collections.abc import Callable

from harken.types import Send


class Outlet:
    """Passes text to the client, and remembers that something has been passed.

    Args:
        send: the client's; None when nobody reads before the end.

    Attributes:
        on_first: told who speaks, when the first text is passed; before it is.
    """

    def __init__(self, send: Send | None) -> None:
        self._send = send
        self._speaker: object = None
        self.on_first: Callable[[object], None] | None = None

    @property
    def is_used(self) -> bool:
        """The client has text."""
        return self._speaker is not None

    def say(self, speaker: object, text: str) -> None:
        """Pass on a piece of text; what another than the first speaker says is dropped."""
        if self._send is None:
            return
        if self._speaker is None:
            self._speaker = speaker
            if self.on_first is not None:
                self.on_first(speaker)
        if self._speaker is speaker:
            self._send(text)
