"""How fetching fails: for good, for now, or because the file is no longer the same.

`PullFailed` is what people read. The others stay inside: whoever catches them tries again, within bounds.
"""

from __future__ import annotations

from harken.errors import HarkenError


class PullFailed(HarkenError):
    """The model could not be fetched; what arrived is kept, and the same command goes on from there."""

    code = "pull_failed"
    default = "The model could not be fetched."

    def __init__(self, message: str = "") -> None:
        # A part of it may be a server's own words, and those may try to speak to a terminal.
        super().__init__("".join(sign if sign.isprintable() else "?" for sign in message))


class Transient(Exception):
    """It did not work now; it may in a moment.

    Args:
        reason: one sentence without a secret.
        retry_after_s: when the server says that it may, in seconds; None where it says nothing.
    """

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s


class Spoiled(Exception):
    """What came is not what was promised, or no longer the file of which a part is here: it is thrown away.

    Args:
        reason: one sentence.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
