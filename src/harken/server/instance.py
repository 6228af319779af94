"""An instance: one process, one copy of one model, a complete server by itself.

Owns the order of its life: listen at once, load beside the event loop, prove itself on a recording whose text is known,
serve, drain, leave. The states are those of `lifecycle`; this module brings the events about. The invariant: it takes a
segment only in the state `ready`, and what it took is finished, or failed by name, before it leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from fastapi import FastAPI
from starlette.types import ASGIApp

from harken.api.app import create_app
from harken.api.health import word_of
from harken.api.service import Service
from harken.audio import AudioReader
from harken.clock import Clock, SystemClock
from harken.config import Config, InstanceConfig
from harken.engine.canary import Canary
from harken.engine.instance_engine import InstanceEngine
from harken.engine.load import Loaded
from harken.errors import Draining, HarkenError, NoReadyInstance, SetupError
from harken.jobs.jobs import Jobs
from harken.keys import open_admission
from harken.live.sessions import Sessions
from harken.log import get_log
from harken.server.door import Door
from harken.server.ending import Ending
from harken.server.exposure import warn_if_open
from harken.server.eyes import Eyes
from harken.server.instance_health import instance_health
from harken.server.jobs import running_jobs
from harken.server.lifecycle import EXIT_BROKEN_AT_START, EXIT_ENGINE_LOST, Event, State, after
from harken.server.live import look_at, running_live
from harken.server.loading import in_daemon_thread
from harken.server.loop_lag import LoopLag
from harken.server.upkeep import upkeep
from harken.server.wire_routes import Intake, wire_routes
from harken.server.witness import Witness
from harken.state import Database
from harken.telemetry.look import Look
from harken.telemetry.memory_watch import MemoryWatch
from harken.transcribe.cache import make_cache
from harken.transcribe.spread import LEAST
from harken.transcribe.transcriber import Transcriber
from harken.types import Figures, Health, ModelInfo, Recognizer
from harken.wire import InstanceState

Load = Callable[[InstanceConfig], Loaded]
"""Loads a model; runs in a thread of its own and may take minutes."""

LINGER_S = 0.5
"""How long a broken instance still answers looks at it, so that whoever looks learns why."""

_LOOK_AT_ENGINE_S = 0.5

_log = get_log("server.instance")


class Instance:
    """What `run.serve` runs, and what the routes ask.

    Args:
        config: all of it; the model is in `config.instance`.
        load: makes the engine.
        url: where it is reached, for /health.
        on_ready: called once, when it takes segments.
        clock: for its uptime.
    """

    def __init__(
        self,
        config: Config,
        load: Load,
        *,
        url: str = "",
        on_ready: Callable[[], None] = lambda: None,
        clock: Clock | None = None,
    ) -> None:
        self._config = config
        self._load = load
        self._url = url
        self._on_ready = on_ready
        self._clock = clock or SystemClock()
        self._began = self._clock.now()
        self._state = State.STARTING
        self._loaded: Loaded | None = None
        self._memory = MemoryWatch()
        self._eyes = Eyes(
            self._look,
            is_gateway=False,
            queued_audio_s=lambda: 0.0,
            speaking=lambda: self._sessions.figures.speaking if self._sessions else 0,
            traces=config.traces,
            name=config.instance.name,
        )
        self._database = Database(config.state)
        self._detail = ""
        self._engine: InstanceEngine | None = None
        self._witness: Witness | None = None
        self._canary: Canary | None = None
        self._lag = LoopLag(self._clock)
        self._model: ModelInfo | None = None
        self._service: Service | None = None
        self._sessions: Sessions | None = None
        self._ending: Ending | None = None
        self._changed = asyncio.Event()
        self._admission = open_admission(config.auth, self._database)
        self._cache = make_cache(config.cache)
        self.fastapi = self._build()
        self._door = Door(self.fastapi)

    # --- what is asked of it ------------------------------------------------------------------------------------------

    @property
    def app(self) -> ASGIApp:
        """The public routes and the wire, with the door before them."""
        return self._door

    @property
    def state(self) -> InstanceState:
        """Its state, as the wire tells it."""
        return InstanceState(
            name=self._config.instance.name,
            state=self._state.value,
            model=self._model,
            in_flight=self._engine.in_flight if self._engine else 0,
            detail=self._detail,
            uptime_s=round(self._clock.now() - self._began, 3),
            loop_lag_s=round(self._lag.worst_s, 4),
            figures=self._figures,
        )

    @property
    def _figures(self) -> Figures | None:
        loaded = self._loaded
        if loaded is None:
            return None
        return replace(
            loaded.engine.figures,
            device=loaded.device,
            memory_bytes=self._memory.held_bytes,
            gpu_memory_bytes=None if loaded.gpu_memory is None else loaded.gpu_memory(),
        )

    def _look(self) -> Look:
        health = self.health
        return Look(
            kind="instance",
            status=word_of(health),
            health=health,
            revision=self._model.revision if self._model else "",
            uptime_s=self._clock.now() - self._began,
            machine=self._eyes.machine,
            cache=self._cache.counts,
            live=look_at(self._sessions),
        )

    @property
    def health(self) -> Health:
        """Its state, as /health tells it."""
        last_success_s = self._witness.last_success_s if self._witness else None
        return instance_health(self.state, url=self._url, last_success_s=last_success_s)

    async def drain(self) -> None:
        """Take nothing new; return when everything accepted is answered, or the time for that is over."""
        self._happen(Event.STOP)
        if self._service is not None and self._service.jobs is not None:
            await self._service.jobs.pause()
        timeout_s = self._config.instance.drain_timeout_s
        if self._state is State.DRAINING and not await self._door.wait_empty(timeout_s):
            _log.warning("instance.drain_timed_out", inside=self._door.inside, timeout_s=timeout_s)
        self._eyes.close()
        self._happen(Event.EMPTY)

    async def gave_up(self) -> Ending:
        """Return when it is broken at start or has lost its engine."""
        while self._ending is None:
            await self._changed.wait()
        await asyncio.sleep(LINGER_S)
        return self._ending

    # --- its life -----------------------------------------------------------------------------------------------------

    def _build(self) -> FastAPI:
        app = create_app(
            lambda: self._service,
            lifespan=self._lifespan,
            early=lambda: self.health,
            admission=self._admission,
            cors_origins=self._config.auth.cors_origins,
            sight=self._eyes.sight,
        )
        app.router.routes.extend(wire_routes(self._intake, lambda: self.state))
        app.state.instance = self
        return app

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        async with self._eyes.open(), asyncio.TaskGroup() as group:
            life = group.create_task(self._live())
            keeping = group.create_task(upkeep(self._lag, self._admission, self._memory.run, *self._eyes.watches))
            own = self._config.instance
            warned = group.create_task(warn_if_open(own.name, own.host, self._admission))
            yield
            keeping.cancel()
            warned.cancel()
            # By now it is drained: what is left of its life is waiting, or loading that nobody needs any more.
            if self._engine is None:
                life.cancel()
            self._happen(Event.STOP)
            self._happen(Event.EMPTY)
        await asyncio.to_thread(self._database.close)

    async def _live(self) -> None:
        try:
            loaded = await in_daemon_thread(partial(self._load, self._config.instance))
            self._happen(Event.LOADED)
            loaded.engine.listen(self._eyes.tell)
            async with AudioReader() as reader, loaded.engine as engine:
                self._loaded = loaded
                witness = self._witness = Witness(engine, self._clock)
                await self._warm_up(loaded, witness)
                await self._serve_until_end(loaded, engine, witness, reader)
        except SetupError as error:
            self._give_up(Event.BROKEN, EXIT_BROKEN_AT_START, f"{error.code}: {error.message}")
        except HarkenError as error:
            # The canary met a failing engine; a fresh process may do better.
            self._give_up(Event.ENGINE_LOST, EXIT_ENGINE_LOST, f"{error.code}: {error.message}")
        except Exception as error:  # noqa: BLE001 - the edge of its life: whatever happened, it must not look alive
            _log.exception("instance.defect", instance=self._config.instance.name)
            self._give_up(Event.ENGINE_LOST, EXIT_ENGINE_LOST, f"{type(error).__name__}: {error}")

    async def _warm_up(self, loaded: Loaded, witness: Witness) -> None:
        """Prove that it recognises; the second time costs what later segments cost, so no client pays for the first."""
        self._model = await witness.model()
        await loaded.canary.check(witness)
        await loaded.canary.check(witness)

    async def _serve_until_end(
        self, loaded: Loaded, engine: InstanceEngine, witness: Witness, reader: AudioReader
    ) -> None:
        async with self._cache.over(witness) as recognizer:
            # Nothing here keeps slots for short clips, as a gateway does: no file may spread further.
            limits = self._config.limits
            limits = replace(limits, segments_in_flight=min(limits.segments_in_flight, LEAST))
            transcriber = Transcriber(recognizer, reader, limits, tell=self._eyes.tell)
            async with (
                running_jobs(
                    self._config, self._database, recognizer, transcriber, self._admission, eyes=self._eyes
                ) as jobs,
                running_live(self._config.live, witness, recognizer, transcriber, reader, tell=self._eyes.tell) as live,
            ):
                self._engine, self._canary = engine, loaded.canary
                self._serve_with(recognizer, transcriber, jobs, live)
                await self._until_end(engine)

    def _serve_with(
        self, recognizer: Recognizer, transcriber: Transcriber, jobs: Jobs | None, live: Sessions | None
    ) -> None:
        self._sessions = live
        self._service = Service(
            name=self._config.instance.name,
            transcriber=transcriber,
            recognizer=recognizer,
            health=lambda: self.health,
            limits=self._config.limits,
            jobs=jobs,
            live=live,
            logs_text=self._config.log.transcripts,
        )
        if self._happen(Event.VERIFIED):
            self._on_ready()

    async def _until_end(self, engine: InstanceEngine) -> None:
        """Wait for the end; an engine that breaks meanwhile is the end."""
        while self._state in (State.READY, State.DRAINING):
            if engine.failure is not None:
                self._give_up(Event.ENGINE_LOST, EXIT_ENGINE_LOST, f"engine_lost: {engine.failure.message}")
                return
            try:
                async with asyncio.timeout(_LOOK_AT_ENGINE_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _give_up(self, event: Event, code: int, reason: str) -> None:
        self._detail = reason
        self._ending = Ending(code=code, reason=reason)
        self._happen(event)

    def _happen(self, event: Event) -> bool:
        """Let an event change the state; True when it did."""
        before, self._state = self._state, after(self._state, event)
        if self._state is before:
            return False
        _log.info("instance.state", instance=self._config.instance.name, state=self._state.value, before=before.value)
        self._changed.set()
        self._changed = asyncio.Event()
        return True

    def _intake(self) -> Intake:
        engine, witness, canary, model = self._engine, self._witness, self._canary, self._model
        if self._state is State.READY and engine and witness and canary and model:
            return Intake(
                recognizer=witness,
                max_segment_s=model.max_segment_s,
                canary=canary,
                progress=engine.progress,
                in_flight=lambda: engine.in_flight,
            )
        name = self._config.instance.name
        if self._state in (State.STARTING, State.WARMING):
            raise NoReadyInstance(f"{name} is still {self._state}.", retry_after_s=2)
        if self._state is State.BROKEN_AT_START:
            raise NoReadyInstance(f"{name} is broken: {self._detail}")
        raise Draining(f"{name} is shutting down.")


def create_instance_app(config: Config, load: Load) -> FastAPI:
    """Return an instance as an app, for servers of your own; `run_instance` is the whole process."""
    return Instance(config, load).fastapi
