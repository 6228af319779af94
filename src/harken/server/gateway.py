"""The gateway: one door in front of many instances.

Owns the order of its life: the dispatcher runs before the fleet that reports to it and stops after it; the public
routes are those of every server, over the dispatcher. It starts no process itself: the fleet is handed in.
The invariant: on SIGTERM every accepted request is answered while dispatcher and fleet still run; only then they stop.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Protocol

from fastapi import FastAPI
from starlette.types import ASGIApp

from harken.api.app import create_app
from harken.api.fleet import no_fleet
from harken.api.health import word_of
from harken.api.service import Service
from harken.audio import AudioReader
from harken.clock import SystemClock
from harken.config import Config
from harken.dispatch.dispatcher import Dispatcher
from harken.errors import HarkenError, NoReadyInstance, SetupError
from harken.jobs.jobs import Jobs
from harken.keys import open_admission
from harken.live.sessions import Sessions
from harken.log import get_log
from harken.server.door import Door
from harken.server.ending import Ending
from harken.server.exposure import warn_if_open
from harken.server.eyes import Eyes
from harken.server.gateway_health import STOPPED, GatewayState, gateway_health
from harken.server.jobs import running_jobs
from harken.server.lifecycle import EXIT_BROKEN_AT_START, EXIT_DEFECT
from harken.server.live import look_at, running_live
from harken.server.loop_lag import LoopLag
from harken.server.model_files import open_model_files
from harken.server.until_broken import UntilBroken
from harken.server.upkeep import upkeep
from harken.state import Database
from harken.telemetry.look import Look, QueueLook
from harken.transcribe.cache import make_cache
from harken.transcribe.transcriber import Transcriber
from harken.types import Health, InstanceHealth, Recognizer, Requester

_CLOSE_TIMEOUT_S = 2.0
"""For answers to those whose request cannot be served because every instance is broken."""

_STOPPED_RETRY_AFTER_S = 30
"""Nobody knows when an operator will start instances; who asks again so often costs nothing."""

_log = get_log("server.gateway")


class Operators(Protocol):
    """Who changes a fleet."""

    @property
    def under_way(self) -> str:
        """What is being changed now; "" for nothing."""
        ...

    async def do(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Do what an operator's request says, and return what came of it.

        Raises:
            HarkenError: it cannot be done, or was not.
        """
        ...


class Fleet(Protocol):
    """Where instances come from."""

    def instances(self) -> tuple[InstanceHealth, ...]:
        """What is known of each, also of those that are not running now."""
        ...

    def replace(self, name: str, why: str = "") -> None:
        """That instance no longer answers, or failed its canary; `why` says it, as a sentence without its full stop."""
        ...

    @property
    def is_asleep(self) -> bool:
        """It has no instances because nobody needs one, and starts some as soon as a recording waits."""
        ...

    @property
    def operators(self) -> Operators | None:
        """Who changes it; None where it cannot be changed."""
        ...

    async def wait_broken(self) -> str:
        """Return, with the reason, when no instance can ever become ready."""
        ...


OpenFleet = Callable[[Dispatcher], AbstractAsyncContextManager[Fleet]]
"""Makes the fleet that reports its addresses to this dispatcher."""


class Gateway:
    """What `run.serve` runs, and what the routes ask.

    Args:
        config: all of it.
        open_fleet: called once the dispatcher runs.
    """

    def __init__(self, config: Config, open_fleet: OpenFleet) -> None:
        self._config = config
        self._open_fleet = open_fleet
        self._clock = SystemClock()
        self._began = self._clock.now()
        self._eyes = Eyes(
            self._look,
            is_gateway=True,
            queued_audio_s=lambda: self._dispatcher.queued_audio_s,
            speaking=lambda: self._sessions.figures.speaking if self._sessions else 0,
            traces=config.traces,
            name=config.gateway.name,
        )
        self._dispatcher = Dispatcher(config.limits, config.fleet, config.dispatch, tell=self._eyes.tell)
        self._database = Database(config.state)
        self._fleet: Fleet | None = None
        self._service: Service | None = None
        self._sessions: Sessions | None = None
        self._is_draining = False
        self._lag = LoopLag(SystemClock())
        self._leave = asyncio.Event()
        self._broken = asyncio.Event()
        self._ending: Ending | None = None
        self._recognizer = UntilBroken(self._dispatcher)
        self._cache = make_cache(config.cache)
        self._admission = open_admission(config.auth, self._database)
        self._model_files = open_model_files(config, os.environ)
        self.fastapi = create_app(
            lambda: self._service,
            lifespan=self._lifespan,
            early=lambda: self.health,
            admission=self._admission,
            cors_origins=config.auth.cors_origins,
            model_files=self._model_files,
            sight=self._eyes.sight,
            operate=self._operate,
        )
        self._door = Door(self.fastapi)

    @property
    def app(self) -> ASGIApp:
        """The public routes, with the door before them."""
        return self._door

    @property
    def health(self) -> Health:
        """The honest state now."""
        return gateway_health(
            GatewayState(
                name=self._config.gateway.name,
                is_draining=self._is_draining,
                targets=self._dispatcher.health(),
                instances=self._fleet.instances() if self._fleet else (),
                model=model.name if (model := self._dispatcher.known_model) else "",
                queued_audio_s=self._dispatcher.queued_audio_s,
                loop_lag_s=self._lag.worst_s,
                is_shut=self._dispatcher.is_shut,
                lets_in=self._admission is None or not self._admission.ring.is_shut,
                has_fleet=self._fleet is not None,
                is_asleep=self._fleet is not None and self._fleet.is_asleep,
            )
        )

    async def drain(self) -> None:
        """Take nothing new; return when everything accepted is answered, or the time for that is over."""
        self._is_draining = True
        if self._model_files is not None:
            self._model_files.close()
        timeout_s = self._config.gateway.drain_timeout_s
        if self._service is not None and self._service.jobs is not None:
            await self._service.jobs.pause()
        _log.info("gateway.draining", inside=self._door.inside, timeout_s=timeout_s)
        if not await self._door.wait_empty(timeout_s):
            _log.warning("gateway.drain_timed_out", inside=self._door.inside)
        self._eyes.close()

    async def gave_up(self) -> Ending:
        """Return when no instance can ever become ready, or a defect ended what recognises."""
        await self._broken.wait()
        await self._door.wait_empty(_CLOSE_TIMEOUT_S)
        self._eyes.close()
        assert self._ending is not None, "whoever breaks it says why"
        return self._ending

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        offering = nullcontext() if self._model_files is None else self._model_files.running()
        async with self._eyes.open(), offering, asyncio.TaskGroup() as group:
            living = group.create_task(self._live_or_break())
            keeping = group.create_task(upkeep(self._lag, self._admission, *self._eyes.watches))
            own = self._config.gateway
            warned = group.create_task(warn_if_open(own.name, own.host, self._admission, has_tls=bool(own.tls_cert)))
            yield
            self._leave.set()
            if self._fleet is None:
                # What it is made of may still be on its way, for a minute; nothing has been accepted for it.
                living.cancel()
            keeping.cancel()
            warned.cancel()
        await asyncio.to_thread(self._database.close)

    async def _live_or_break(self) -> None:
        try:
            await self._live()
        except SetupError as error:
            # Where the fleet is to be is not there: that is no defect, and says itself what would help.
            self._break(Ending(code=EXIT_BROKEN_AT_START, reason=error.message))
        except Exception as error:  # noqa: BLE001 - the edge of its life
            # A door with nobody behind it must not stay open: the process ends with its own exit code, and whoever
            # keeps it starts another.
            _log.exception("gateway.defect")
            self._service = None
            self._break(Ending(code=EXIT_DEFECT, reason=f"defect: {type(error).__name__}: {error}"))

    async def _live(self) -> None:
        self._dispatcher.on_unresponsive = self._replace_soon
        async with (
            AudioReader() as reader,
            self._dispatcher,
            self._open_fleet(self._dispatcher) as self._fleet,
            self._cache.over(self._recognizer) as recognizer,
        ):
            transcriber = Transcriber(recognizer, reader, self._config.limits, tell=self._eyes.tell)
            # Last in, first out: files in work go back to the queue while what they work with still runs.
            async with (
                running_jobs(
                    self._config, self._database, recognizer, transcriber, self._admission, eyes=self._eyes
                ) as jobs,
                running_live(
                    self._config.live,
                    self._recognizer,
                    recognizer,
                    transcriber,
                    reader,
                    refusal=self._refusal,
                    rtfx=lambda: self._dispatcher.load(()).full_rtfx,
                    tell=self._eyes.tell,
                ) as live,
            ):
                self._sessions = live
                self._service = self._make_service(recognizer, transcriber, jobs, live)
                await self._until_end(self._fleet)

    def _replace_soon(self, name: str, why: str) -> None:
        """Tell the fleet who fails, and how; not at once, for it answers by changing the targets of whoever calls."""
        if self._fleet is not None:
            asyncio.get_running_loop().call_soon(self._fleet.replace, name, why)

    async def _until_end(self, fleet: Fleet) -> None:
        async with asyncio.TaskGroup() as group:
            leaving = group.create_task(self._leave.wait())
            breaking = group.create_task(fleet.wait_broken())
            await asyncio.wait((leaving, breaking), return_when=asyncio.FIRST_COMPLETED)
            if breaking.done():
                self._break(Ending(code=EXIT_BROKEN_AT_START, reason=breaking.result()))
            for task in (leaving, breaking):
                task.cancel()

    def _look(self) -> Look:
        health, operators = self.health, self._fleet.operators if self._fleet else None
        info, room = self._dispatcher.known_model, self._dispatcher.room
        jobs = self._service.jobs if self._service is not None else None
        return Look(
            kind="gateway",
            status=word_of(health),
            health=health,
            revision=info.revision if info else "",
            uptime_s=self._clock.now() - self._began,
            machine=self._eyes.machine,
            queue=QueueLook(
                classes=room.classes(),
                limit_audio_s=room.limit_audio_s,
                oldest_wait_s=self._dispatcher.oldest_wait_s,
            ),
            stats=self._dispatcher.stats(),
            cache=self._cache.counts,
            live=look_at(self._sessions),
            stores=self._cache.stores() | (self._admission.stores() if self._admission else {}),
            files_waiting=jobs.files_waiting if jobs is not None else None,
            can_change=operators is not None,
            change=self._under_way or None,
        )

    async def _operate(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        operators = self._fleet.operators if self._fleet else None
        return await (no_fleet(wish) if operators is None else operators.do(wish))

    def _make_service(
        self, recognizer: Recognizer, transcriber: Transcriber, jobs: Jobs | None, live: Sessions | None
    ) -> Service:
        return Service(
            name=self._config.gateway.name,
            transcriber=transcriber,
            recognizer=recognizer,
            health=lambda: self.health,
            limits=self._config.limits,
            jobs=jobs,
            live=live,
            logs_text=self._config.log.transcripts,
            refusal=self._refusal,
            is_draining=lambda: self._is_draining,
        )

    def _refusal(self, requester: Requester) -> HarkenError | None:
        """Why a new recording is not taken; nobody is held for instances that only an operator can bring back."""
        if not self._dispatcher.ready and self.health.state == STOPPED and not self._under_way:
            return NoReadyInstance("An operator has stopped all instances.", retry_after_s=_STOPPED_RETRY_AFTER_S)
        return self._dispatcher.refusal(requester)

    @property
    def _under_way(self) -> str:
        """The operators' change that is being made; "" for none."""
        operators = self._fleet.operators if self._fleet else None
        return operators.under_way if operators else ""

    def _break(self, ending: Ending) -> None:
        _log.error("gateway.broken", reason=ending.reason)
        self._ending = ending
        self._recognizer.give_up(ending.reason)
        self._broken.set()


def create_gateway_app(config: Config, open_fleet: OpenFleet) -> FastAPI:
    """Return a gateway as an app, for servers of your own; `harken.fleet.up.run_gateway` is the whole process."""
    return Gateway(config, open_fleet).fastapi
