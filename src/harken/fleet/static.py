"""A fleet that somebody else runs: upstreams, which are there or not, at fixed addresses or at those of a DNS name.

It tells the dispatcher where they are and how to talk to them; it starts and stops nothing. An upstream that falls
silent is looked at for as long as it is configured, and gets work again once it answers. Invariant: after `async with`
the dispatcher has none of them any more. Connections are the dispatcher's, which closes them when nothing uses them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from importlib.resources import as_file, files
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from harken.dispatch.lines.either_line import EitherLine
from harken.dispatch.lines.openai.line import OpenAILine
from harken.dispatch.lines.proof import Proof
from harken.dispatch.lines.upstream import Upstream
from harken.dispatch.lines.wire_line import WireLine
from harken.dispatch.targets.state import State
from harken.fleet.dns_name import DnsName, Lookup
from harken.fleet.lookup import addresses_of
from harken.fleet.owner import WatchfulOwner
from harken.log import get_log
from harken.types import InstanceHealth

if TYPE_CHECKING:
    from aiohttp import ClientSession

_RECORDING = "english-01.wav"

_log = get_log("fleet.static")


class StaticFleet:
    """Servers that are told.

    Args:
        upstreams: which; their names differ.
        owner: told of them: the dispatcher.
        logs_text: `log.transcripts` is on.
        resolve_interval_s: from one look-up of a DNS name to the next, in seconds.
        drain_timeout_s: how long what runs at an address that a name no longer has may take.
        lookup: asks the resolver.
    """

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        owner: WatchfulOwner,
        *,
        logs_text: bool = False,
        resolve_interval_s: float = 5.0,
        drain_timeout_s: float = 300.0,
        lookup: Lookup = addresses_of,
    ) -> None:
        self._fixed = tuple(upstream for upstream in upstreams if not upstream.is_dns)
        self._owner = owner
        self._logs_text = logs_text
        self._names = tuple(
            DnsName(
                upstream,
                owner,
                self._add,
                is_taken=self._is_taken,
                lookup=lookup,
                interval_s=resolve_interval_s,
                drain_timeout_s=drain_timeout_s,
            )
            for upstream in upstreams
            if upstream.is_dns
        )
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Have all of them looked at; returns at once."""
        self._proof = packaged_proof()
        async with AsyncExitStack() as stack:
            group = await stack.enter_async_context(asyncio.TaskGroup())
            for upstream in self._fixed:
                self._add(upstream)
            for name in self._names:
                stack.callback(group.create_task(name.run()).cancel)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Use them no more."""
        # The error, if any, is not shown to the task group, which would wrap it.
        await self._stack.__aexit__(None, None, None)
        for upstream in self._known:
            self._owner.remove_target(upstream.name)

    def instances(self) -> tuple[InstanceHealth, ...]:
        """One line each, and one for a name without addresses; how they are, only the dispatcher knows."""
        return tuple(_line(upstream) for upstream in self._known) + tuple(
            _line(name.upstream, name.detail) for name in self._names if not name.targets
        )

    def replace(self, name: str, why: str = "") -> None:
        """Note that one is silent or fails its canary: whoever runs it has to act."""
        if any(upstream.name == name for upstream in self._known):
            _log.error("upstream.unusable", target=name, reason=f"{why}." if why else "")

    @property
    def _known(self) -> tuple[Upstream, ...]:
        return self._fixed + tuple(target for name in self._names for target in name.targets)

    def _is_taken(self, upstream: Upstream) -> bool:
        place = (upstream.url, upstream.model)
        return any(one.name == upstream.name or (one.url, one.model) == place for one in self._known)

    def _add(self, upstream: Upstream) -> None:
        open_line = partial(line_to, upstream, self._proof, logs_text=self._logs_text)
        self._owner.add_target(upstream.name, upstream.url, open_line, weight=upstream.weight)


def _line(upstream: Upstream, detail: str = "") -> InstanceHealth:
    return InstanceHealth(name=upstream.name, url=upstream.url, state=State.STARTING.value, detail=detail)


def line_to(upstream: Upstream, proof: Proof, session: ClientSession, *, logs_text: bool = False) -> EitherLine:
    """The line to an upstream: an instance of ours is talked to by the wire, everything else in OpenAI's words."""
    return EitherLine(WireLine(upstream.url, session), OpenAILine(upstream, session, proof, logs_text=logs_text))


def packaged_proof() -> Proof:
    """Read the recording with which upstreams prove themselves: three spoken digits of this package."""
    import soundfile

    with as_file(files("harken") / "samples" / _RECORDING) as path:
        samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return Proof(samples=np.ascontiguousarray(samples[:, 0]))
