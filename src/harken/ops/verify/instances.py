"""The instances behind the door: their states, their processes, their own ports.

The door's word on an address counts only where it can be true from here: a loopback address that a server on another
machine tells is that machine's own, and whatever answers there on ours is somebody else.
"""

from __future__ import annotations

import asyncio

from harken.ops.verify.check import Check, failed, ok, skipped
from harken.ops.verify.here import Life, is_loopback, life_of
from harken.ops.verify.seen import COMING, WELL, Line, Seen, read_health
from harken.ops.verify.visit import Visit, shown

_AT_ONCE = 16
_ELSEWHERE = "their addresses are another machine's own"
_HIDDEN = "the server does not tell their addresses to us"
_ASK_THERE = "Run this on the server's machine, straight at the gateway, or with an admin's key."


async def see_states(visit: Visit) -> None:
    """See that every instance is ready."""
    lines = visit.seen.lines
    bad = [line for line in lines if line.state not in WELL]
    if visit.was_asleep:
        visit.tell(skipped("instances", "Scaled to zero: there are none until a recording comes. See `woken`."))
    elif not lines:
        visit.tell(failed("instances", "There are no instances.", "Set fleet.instances or fleet.upstreams."))
    elif bad:
        told = ", ".join(f"{line.name} is {line.state}" + (f" ({line.detail})" if line.detail else "") for line in bad)
        remedy = (
            "Look at `harken status` and the instance's log; one that is starting needs a moment, one that was drained "
            "`harken restart`."
        )
        visit.tell(failed("instances", f"{len(lines) - len(bad)} of {len(lines)} are ready; {told}.", remedy))
    else:
        visit.tell(ok("instances", f"All {len(lines)} are ready: {', '.join(line.name for line in lines)}."))


async def see_woken(visit: Visit) -> None:
    """See which instances the recordings woke, where there was none before."""
    if not visit.was_asleep:
        return
    reply = await visit.caller.get("/health")
    seen = read_health(reply.body)
    ready = [line.name for line in seen.lines if line.state in WELL] if seen is not None else []
    if seen is None or not ready:
        told = reply.problem or f"HTTP {reply.status}"
        remedy = "Look at `harken status` and the server's log: recordings should have woken it."
        visit.tell(failed("woken", f"No instance is ready after ten recordings ({told}).", remedy))
        return
    visit.seen = seen
    visit.tell(ok("woken", f"Ready after it was scaled to zero: {', '.join(ready)}."))


async def see_states_again(visit: Visit) -> None:
    """See that every instance has come well through what was asked of it."""
    reply = await visit.caller.get("/health")
    seen = read_health(reply.body)
    if seen is None:
        told = reply.problem or f"HTTP {reply.status}, and not as Harken answers"
        visit.tell(failed("afterwards", f"The health could not be asked again: {told}.", "Look at the server's log."))
        return
    before = {line.name: line for line in visit.seen.lines}
    now = {line.name: line for line in seen.lines}
    bad = [f"{name} is away" for name in before.keys() - now.keys()]
    # Where it was asleep it grows as it sees fit, and nobody knows how far.
    fine = WELL | COMING if visit.was_asleep else WELL
    bad += [f"{line.name} is {line.state}" for line in seen.lines if line.state not in fine]
    bad += [f"{name} was started again" for name in before.keys() & now.keys() if _is_another(before[name], now[name])]
    if bad or reply.status != 200:
        told = ", ".join(sorted(bad)) or f"HTTP {reply.status}, {shown(seen.status)}"
        remedy = "Look at `harken status` and the instance's log; what was well before changed while it was asked."
        visit.tell(failed("afterwards", f"{told}.", remedy))
    else:
        visit.tell(ok("afterwards", f"All {len(now)} are as ready as before, and none was started again."))


def _is_another(before: Line, now: Line) -> bool:
    return now.restarts > before.restarts or (before.pid is not None and now.pid is not None and now.pid != before.pid)


async def see_ports(visit: Visit) -> None:
    """See that each instance answers at its own address, and is well by its own word; then look at the processes."""
    if not visit.seen.lines:
        for name in ("ports", "processes"):
            visit.tell(skipped(name, "Not looked at: there are no instances."))
        return
    reachable = [line for line in visit.seen.lines if may_be_asked(visit, line)]
    if not reachable:
        is_told = any(line.url for line in visit.seen.lines)
        visit.tell(skipped("ports", f"Not looked at: {_ELSEWHERE if is_told else _HIDDEN}.", _ASK_THERE))
        visit.tell(skipped("processes", "Not looked at, for the same reason.", _ASK_THERE))
        return
    room = asyncio.Semaphore(_AT_ONCE)
    problems = dict(
        zip(
            [line.name for line in reachable],
            await asyncio.gather(*(_look(visit, line, room) for line in reachable)),
            strict=True,
        )
    )
    lives = {line.name: life_of(line.pid) for line in visit.seen.lines if line.pid and visit.is_here}
    if lives and set(lives.values()) == {Life.GONE} and not visit.alone:
        # A container's numbers and loopback addresses mean nothing outside of it.
        told = "neither the addresses nor the process numbers that the server tells are this machine's"
        for name in ("ports", "processes"):
            visit.tell(skipped(name, f"Not looked at: {told}.", "Run this where the server runs (in its container)."))
        return
    visit.tell(_ports(problems, hidden=len(visit.seen.lines) - len(reachable)))
    visit.tell(_processes(visit, lives))


def may_be_asked(visit: Visit, line: Line) -> bool:
    """Whether the address that the door tells of an instance can lead to it from here."""
    return line.url.startswith(("http://", "https://")) and (visit.is_here or not is_loopback(line.url))


async def _look(visit: Visit, line: Line, room: asyncio.Semaphore) -> str:
    """Ask an instance for its health; return what is wrong, "" for nothing."""
    async with room:
        reply = await visit.caller.get("/health", at=line.url)
    if reply.problem:
        return reply.problem
    seen = read_health(reply.body)
    if seen is None:
        # A server of another make speaks OpenAI's API, and has a /health of its own or none.
        return "" if line.pid is None else f"HTTP {reply.status}, and not as Harken answers"
    if line.pid is not None and seen.name != line.name:
        return f"it is {shown(seen.name)}"
    visit.alone[line.name] = seen
    return "" if reply.status == 200 else _word(seen, reply.status)


def _word(seen: Seen, status: int) -> str:
    detail = next((line.detail for line in seen.lines if line.detail), "")
    return f"HTTP {status}, {shown(seen.status)}" + (f", {shown(detail)}" if detail else "")


def _ports(problems: dict[str, str], *, hidden: int) -> Check:
    bad = {name: problem for name, problem in problems.items() if problem}
    rest = f" {hidden} more have addresses that cannot be asked from here." if hidden else ""
    if bad:
        told = "; ".join(f"{name}: {problem}" for name, problem in bad.items())
        remedy = "Look at the instance's process and log; the gateway replaces what does not answer it."
        return failed("ports", f"{len(problems) - len(bad)} of {len(problems)} answer well. {told}.{rest}", remedy)
    return ok("ports", f"The door and all {len(problems)} instances answer at their own addresses.{rest}")


def _processes(visit: Visit, lives: dict[str, Life]) -> Check:
    if not lives:
        told = "the server is not on this machine" if not visit.is_here else "no instance has a process of the server's"
        return skipped("processes", f"Not looked at: {told}.")
    bad = {name: life for name, life in lives.items() if life is not Life.RUNS}
    if bad:
        pids = {line.name: line.pid for line in visit.seen.lines}
        told = ", ".join(f"{name} (process {pids[name]}) {life}" for name, life in bad.items())
        remedy = "The gateway starts another in its place; where it does not, look at its log and at `harken status`."
        return failed("processes", f"{told}.", remedy)
    return ok("processes", f"All {len(lives)} run.")
