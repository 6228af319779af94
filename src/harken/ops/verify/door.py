"""The first steps: who is at the address, who may come in, and ten looks at its health.

Whatever answers may be anything; nothing is believed before it has the shape of a Harken's answer. The invariant: no
recording and no work is asked for here.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from harken.ops.address import without_user
from harken.ops.verify.caller import Reply
from harken.ops.verify.check import Check, CheckFailed, failed, ok, skipped
from harken.ops.verify.here import is_here
from harken.ops.verify.seen import json_object, read_health
from harken.ops.verify.visit import Visit, refusal, shown

HEALTH_CALLS = 10
"""As in the guide's checklist."""

_NOT_A_KEY = "hk_verify-that-this-key-is-refused"


async def open_door(visit: Visit) -> None:
    """See that a Harken answers at the address; nothing else can be asked before.

    Raises:
        CheckFailed: none does.
    """
    server = without_user(visit.asked.server)
    reply = await visit.caller.get("/health")
    if reply.problem:
        raise CheckFailed(
            f"Nobody answers at {server}: {reply.problem}.",
            "Start the server (`harken up`), or name another address with --server.",
        )
    seen = read_health(reply.body)
    if seen is None:
        raise CheckFailed(
            f"{server}/health (HTTP {reply.status}) does not answer as Harken does.",
            "Name a Harken server's address with --server; a proxy in front must pass /health through.",
        )
    visit.seen = seen
    visit.was_asleep = reply.status == 200 and not seen.lines
    visit.is_here = await asyncio.to_thread(is_here, visit.asked.server)
    version = json_object((await visit.caller.get("/")).body).get("version", "unknown")
    kind = "gateway" if visit.is_gateway else "instance"
    visit.tell(
        ok("door", f"{kind} {shown(seen.name)}, Harken {version}, model {shown(seen.model)}, is {shown(seen.status)}.")
    )


async def ask_ten_times(visit: Visit) -> None:
    """Ask for the health ten times, as a balancer's operator would, and see who answers."""
    replies = [await visit.caller.get("/health") for _ in range(HEALTH_CALLS)]
    seen = [read_health(reply.body) for reply in replies]
    names = Counter(one.name for one in seen if one is not None)
    healthy = sum(reply.status == 200 for reply in replies)
    slowest = max(reply.took_s for reply in replies)
    told = f"{healthy} of {HEALTH_CALLS} were 200; answered by {_counted(names) or 'nobody'}"
    if healthy == HEALTH_CALLS and names.total() == HEALTH_CALLS:
        visit.tell(ok("health", f"{told}.", slowest_s=round(slowest, 4)))
        return
    word = next((_said(reply) for reply in replies if reply.status != 200), "an answer was not Harken's")
    visit.tell(failed("health", f"{told}; {word}.", "Look at `harken status`: 503 means it cannot transcribe now."))


async def see_keys(visit: Visit) -> None:
    """See that who has no key, or a wrong one, stays outside, where keys are in use.

    Raises:
        CheckFailed: we ourselves stay outside.
    """
    own, nobody, wrong = await asyncio.gather(
        visit.caller.get("/v1/models"),
        visit.caller.get("/v1/models", secret=""),
        visit.caller.get("/v1/models", secret=_NOT_A_KEY),
    )
    if own.status in (401, 403):
        what = "this key" if visit.caller.has_key else "who has no key"
        raise CheckFailed(
            f"The server refuses {what}: {refusal(own)}.",
            "Give a key that is valid there: --api-key, or HARKEN_API_KEY. `harken keys add NAME` makes one.",
        )
    visit.tell(_keys(nobody, wrong, has_key=visit.caller.has_key))


def _keys(nobody: Reply, wrong: Reply, *, has_key: bool) -> Check:
    """Judge what comes to who has no key, and to who has a wrong one."""
    if nobody.status == 401 and wrong.status == 401:
        return ok("keys", "Keys are in use: without one, and with a wrong one, the answer is 401.")
    if nobody.problem or wrong.problem:
        return failed("keys", f"No answer: {nobody.problem or wrong.problem}.", "Look at `harken status`.")
    if 401 in (nobody.status, wrong.status):
        told = f"Without a key the answer is HTTP {nobody.status}, with a wrong one HTTP {wrong.status}."
        remedy = "Both should be 401: look for a proxy that adds or removes a key, and at `auth.keys`."
        return failed("keys", told, remedy)
    if has_key:
        remedy = (
            'Set `auth.keys = "required"`, or make a key in its database (`harken keys add NAME`); '
            "or unset HARKEN_API_KEY where none is meant to be needed."
        )
        return failed("keys", "A key was given, but the server lets everybody in.", remedy)
    remedy = "Before it is reachable from elsewhere: `harken keys add NAME`."
    return skipped("keys", "No keys are in use: everybody who reaches the server may use it.", remedy)


def _counted(names: Counter[str]) -> str:
    return ", ".join(f"{shown(name)} ×{count}" for name, count in names.most_common())


def _said(reply: Reply) -> str:
    if reply.problem:
        return reply.problem
    seen = read_health(reply.body)
    return refusal(reply) if seen is None else f"HTTP {reply.status}, {shown(seen.status)}"
