"""A fleet that somebody else runs: upstreams, which are there or not.

It tells the dispatcher where they are and how to talk to them; it starts and stops nothing. An upstream that falls
silent is looked at for as long as it is configured, and gets work again once it answers. Invariant: after `async with`
the dispatcher has none of them any more. Connections are the dispatcher's, which closes them when nothing uses them.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from harken.fleet.owner import TargetOwner
from harken.log import get_log
from harken.types import InstanceHealth

if TYPE_CHECKING:
    from aiohttp import ClientSession

_RECORDING = "english-01.wav"

_log = get_log("fleet.static")


class StaticFleet:
    """Servers at fixed addresses.

    Args:
        upstreams: which; their names differ.
        owner: told of them: the dispatcher.
        logs_text: `log.transcripts` is on.
    """

    def __init__(self, upstreams: Sequence[Upstream], owner: TargetOwner, *, logs_text: bool = False) -> None:
        self._upstreams = tuple(upstreams)
        self._owner = owner
        self._logs_text = logs_text

    async def __aenter__(self) -> Self:
        """Have all of them looked at; returns at once."""
        proof = packaged_proof()
        for upstream in self._upstreams:
            open_line = partial(line_to, upstream, proof, logs_text=self._logs_text)
            self._owner.add_target(upstream.name, upstream.url, open_line, weight=upstream.weight)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Use them no more."""
        for upstream in self._upstreams:
            self._owner.remove_target(upstream.name)

    def instances(self) -> tuple[InstanceHealth, ...]:
        """One line each; how they are, only the dispatcher knows."""
        return tuple(
            InstanceHealth(name=upstream.name, url=upstream.url, state=State.STARTING.value)
            for upstream in self._upstreams
        )

    def replace(self, name: str) -> None:
        """Note that one is silent or fails all it gets: whoever runs it has to act."""
        if any(upstream.name == name for upstream in self._upstreams):
            _log.error("upstream.unusable", target=name)


def line_to(upstream: Upstream, proof: Proof, session: ClientSession, *, logs_text: bool = False) -> EitherLine:
    """The line to an upstream: an instance of ours is talked to by the wire, everything else in OpenAI's words."""
    return EitherLine(WireLine(upstream.url, session), OpenAILine(upstream, session, proof, logs_text=logs_text))


def packaged_proof() -> Proof:
    """Read the recording with which upstreams prove themselves: three spoken digits of this package."""
    import soundfile

    with as_file(files("harken") / "samples" / _RECORDING) as path:
        samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return Proof(samples=np.ascontiguousarray(samples[:, 0]))
