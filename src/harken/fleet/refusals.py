"""Why the fleet was not changed, or not as it was asked; an operator sees these, no client does."""

from __future__ import annotations

from harken.errors import HarkenError


class FleetBusy(HarkenError):
    """Another change is under way."""

    status = 409
    code = "fleet_busy"
    default = "Another change of the fleet is under way."


class InstanceNotFound(HarkenError):
    """No instance has that name."""

    status = 404
    code = "instance_not_found"
    default = "There is no such instance."


class ChangeFailed(HarkenError):
    """A change could not be brought to its end; the message says how far it came."""

    code = "change_failed"
    default = "The fleet could not be changed."


class Autoscaled(HarkenError):
    """The count is the autoscaler's to decide."""

    status = 409
    code = "autoscaled"
    default = "The autoscaler decides how many instances there are."


class NoRoom(HarkenError):
    """Memory does not allow one more instance; the message says what would."""

    status = 409
    code = "no_room"
    default = "There is no memory for one more instance."


class RolledBack(HarkenError):
    """A new model would not do; the message says why, and what is in service."""

    code = "rolled_back"
    default = "The new model was not taken."
