"""What can go wrong between us and a target, beside the errors that an instance names itself.

All of them are `InstanceFailed` to a client; within the dispatcher they tell whose fault an ended attempt was. They
have no codes of their own.
"""

from __future__ import annotations

from harken.errors import InstanceFailed


class ConnectionLost(InstanceFailed):
    """Nobody listens at its address, or the connection was reset: the process is probably gone."""


class Unreached(ConnectionLost):
    """No connection came about: whatever happened there, this segment had no part in it."""


class Silent(InstanceFailed):
    """It took the segment and then said nothing at all, not even that it lives: it is probably stopped or stuck."""


class Stalled(InstanceFailed):
    """It lives and says so, but the segment on it did not move on: its engine is probably stuck."""


class Refused(InstanceFailed):
    """It takes requests, but not this one: the segment may be to blame or the server, and its canary tells which."""


class Cut(InstanceFailed):
    """We ended the attempt ourselves, because of what we already know about the target."""
