"""What can be asked through the control socket, by name. Reads a request's fields, and has it done.

It owns the shape of requests and answers. The invariant: a field that is missing, unknown or of another kind is refused
before anything is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from harken.config import AutoscaleConfig, Config
from harken.errors import ClientError, NotOffered
from harken.fleet.autoscaling import Autoscaling
from harken.fleet.changes import Changes
from harken.fleet.control import Handler, Request
from harken.fleet.elsewhere import AnyRooms
from harken.fleet.local import LocalFleet
from harken.fleet.one_change import OneChange, Tell
from harken.fleet.refusals import Autoscaled, NoRoom
from harken.fleet.roll import Roll, wish_of

_NAMES_MAX = 1000


def handlers_of(
    config: Config,
    fleet: LocalFleet,
    changes: Changes,
    one: OneChange,
    *,
    roll: Roll,
    rooms: AnyRooms,
    autoscaling: Autoscaling | None,
) -> Mapping[str, Handler]:
    """Return what may be asked of this fleet."""
    return {
        "autoscale": partial(_autoscale, autoscaling),
        "show": partial(_show, fleet, changes, one),
        "roll": partial(_roll, roll, changes, one),
        "stop_roll": partial(_stop_roll, roll),
        "scale": partial(_scale, changes, one, rooms, config.autoscale),
        "restart": partial(_restart, changes, one),
        "drain": partial(_drain, changes, one),
    }


async def _show(fleet: LocalFleet, changes: Changes, one: OneChange, request: Request, _: Tell) -> dict[str, Any]:
    """Show what should run, what does, and what is being changed."""
    _only(request)
    return {
        "wanted": {"instances": changes.wanted.instances, "model": changes.wanted.model},
        "stopped": list(changes.wanted.stopped),
        "under_way": one.under_way,
        "instances": [
            {"name": line.name, "phase": line.state, "pid": line.pid, "restarts": line.restarts, "detail": line.detail}
            for line in fleet.instances()
        ],
    }


async def _autoscale(autoscaling: Autoscaling | None, request: Request, _: Tell) -> dict[str, Any]:
    """Show what the autoscaler saw last, and what it decided."""
    _only(request)
    if autoscaling is None:
        raise NotOffered("autoscale.mode is off. With dry-run it only says what it would do: --autoscale dry-run.")
    return autoscaling.explain()


async def _scale(  # noqa: PLR0917 - all but the last two are bound once
    changes: Changes, one: OneChange, rooms: AnyRooms, autoscale: AutoscaleConfig, request: Request, tell: Tell
) -> dict[str, Any]:
    _only(request, "count")
    if autoscale.mode == "on":
        raise Autoscaled(
            f"The autoscaler decides how many instances there are, {autoscale.min} to {autoscale.max}: "
            "change autoscale.min and autoscale.max, or start the gateway with --autoscale off."
        )
    count = request.get("count")
    if not isinstance(count, int) or isinstance(count, bool):
        raise ClientError("scale wants a whole number as 'count'.")

    async def scale(told: Tell) -> dict[str, Any]:
        more, room = count - len(changes.in_service()), await rooms.count()
        if room is not None and more > room:
            raise NoRoom(f"Memory has room for {room} more instances, not {more}; harken doctor says what would help.")
        return await changes.scale(count, told)

    done = await one.make(f"scale to {count}", scale, tell, check=lambda: changes.check_count(count))
    return await _kept(changes, done)


async def _roll(roll: Roll, changes: Changes, one: OneChange, request: Request, tell: Tell) -> dict[str, Any]:
    wish = wish_of({name: value for name, value in request.items() if name != "do"})
    done = await one.make(f"roll to {wish.model}", lambda told: roll.run(wish, told), tell)
    return await _kept(changes, done)


async def _stop_roll(roll: Roll, request: Request, _: Tell) -> dict[str, Any]:
    _only(request)
    if not roll.stop():
        raise ClientError("No roll is under way.")
    return {"stopping": True}


async def _restart(changes: Changes, one: OneChange, request: Request, tell: Tell) -> dict[str, Any]:
    _only(request, "names")
    names = _names(request)
    name = f"restart {', '.join(names) or 'all'}"
    done = await one.make(
        name, lambda told: changes.restart(names, told), tell, check=lambda: changes.check_restart(names)
    )
    return await _kept(changes, done)


async def _drain(changes: Changes, one: OneChange, request: Request, tell: Tell) -> dict[str, Any]:
    _only(request, "names")
    names = _names(request)
    if not names:
        raise ClientError("drain wants the names of instances.")
    name = f"drain {', '.join(names)}"
    done = await one.make(name, lambda told: changes.drain(names, told), tell, check=lambda: changes.check_names(names))
    return await _kept(changes, done)


async def _kept(changes: Changes, done: dict[str, Any]) -> dict[str, Any]:
    """Say so where a decision could not be written down: after a restart of the gateway it will not count."""
    return done if await changes.is_remembered() else {**done, "is_remembered": False}


def _only(request: Request, *fields: str) -> None:
    unknown = [name for name in request if name not in ("do", *fields)]
    if unknown:
        raise ClientError(f"Unknown field {unknown[0]!r}.")


def _names(request: Request) -> tuple[str, ...]:
    names = request.get("names", [])
    if not isinstance(names, list) or len(names) > _NAMES_MAX or not all(isinstance(name, str) for name in names):
        raise ClientError("'names' is a list of instances' names.")
    return tuple(dict.fromkeys(names))
