"""Running one of our apps as a process: listen, announce, serve, drain on SIGTERM, leave with an exit code.

The app says when it is empty and whether it gave up; this module owns signals, uvicorn and the exit code, and knows
nothing of models or targets. The order on SIGTERM is the invariant: first the app drains while the server still answers
(so that probes and late clients get an honest `draining`), then the sockets close, then the app's lifespan ends.
A second signal ends the waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp

from harken.config import Config
from harken.errors import SetupError
from harken.log import set_up_log
from harken.machine.cores import stay_on
from harken.server.announce import Announce, Announcement, News, announce_to
from harken.server.certificate import Certificate
from harken.server.connection import Connection
from harken.server.descriptors import raise_descriptor_limit
from harken.server.ending import CLEAN, FORCED, Ending
from harken.server.garbage import SETTLED_S, spare_what_stays
from harken.server.lifecycle import EXIT_BROKEN_AT_START, EXIT_ENGINE_LOST
from harken.server.loading import is_loading
from harken.server.orphan import leave_with_parent, supervisor_of
from harken.server.port import listen, url_of
from harken.server.socket_connection import MESSAGE_BYTES, SocketConnection
from harken.server.teardown import skip_teardown

# By the time the server closes, the app has drained; this is for connections whose client does not read its answer.
_CLOSE_TIMEOUT_S = 5

# For telling those whose request is given up when a second signal comes.
_FORCED_TIMEOUT_S = 1.0


_SWITCH_S = 0.001
"""How long a thread that decodes may keep Python's lock from the event loop; five times as long is Python's default,
and each event of a round may have to wait so long."""

_DOORS = 8
"""libuv accepts one connection for each listening descriptor in each round of the event loop. A look at the server's
health is not to wait for as many rounds as there are clients who came before it, so there are several descriptors of
one socket."""


class Served(Protocol):
    """What can be run: an app, and the two questions that end it."""

    @property
    def app(self) -> ASGIApp:
        """What answers requests; its lifespan is run."""
        ...

    async def drain(self) -> None:
        """Accept nothing new and return when nothing accepted is left, or the time for that is over."""
        ...

    async def gave_up(self) -> Ending:
        """Return when the app can never (again) do its work, with the reason; usually never."""
        ...


class _Server(uvicorn.Server):
    """Uvicorn's server, with signals that first ask the app to drain."""

    def __init__(self, config: uvicorn.Config, on_heeding: Callable[[], object], on_stop: Callable[[], object]) -> None:
        super().__init__(config)
        self._on_heeding = on_heeding
        self._on_stop = on_stop
        self._stops = 0

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            self._on_heeding()
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Uvicorn's own would note the signal and raise it again at the end: a clean stop would read "killed by 15".
        self._stops += 1
        if self._stops == 1:
            self._on_stop()
        else:
            self.should_exit = self.force_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.force_exit and self.server_state.tasks:
            # Now, while everything beneath the requests still runs: each is told why it ends.
            for task in self.server_state.tasks:
                task.cancel()
            await asyncio.wait(self.server_state.tasks, timeout=_FORCED_TIMEOUT_S)
        if self.force_exit:
            # The lifespan is about to be cancelled; uvicorn would print that as a defect, with a traceback.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)


async def serve(
    served: Served,
    listener: socket.socket,
    certificate: Certificate | None = None,
    on_heeding: Callable[[], object] = lambda: None,
) -> Ending:
    """Serve on a listening socket until SIGTERM, SIGINT, or the app gives up; return how it ended.

    Needs the main thread for signals; in another thread it runs until the app gives up or the task is cancelled.

    Args:
        served: the app.
        listener: where it is reached.
        certificate: for https.
        on_heeding: told when signals are heeded from now on, before the app starts.
    """
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    config = uvicorn.Config(
        served.app,
        http=Connection,
        ws=SocketConnection,
        # Compressed, little bytes could become many; and sound does not get smaller.
        ws_per_message_deflate=False,
        ws_max_size=MESSAGE_BYTES,
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_CLOSE_TIMEOUT_S,
    )
    if certificate is not None:
        config.load()
        config.ssl = certificate.context
    server = _Server(config, on_heeding=on_heeding, on_stop=lambda: loop.call_soon_threadsafe(asked.set))
    async with asyncio.TaskGroup() as group:
        ending = group.create_task(_end(served, server, asked))
        renewing = [group.create_task(certificate.keep_fresh())] if certificate else []
        await server.serve(sockets=[listener, *(listener.dup() for _ in range(_DOORS - 1))])
        # Forced out, or the app's lifespan failed: nobody has to be drained any more.
        for task in (ending, *renewing):
            task.cancel()
    return FORCED if server.force_exit or ending.cancelled() else ending.result()


async def _end(served: Served, server: uvicorn.Server, asked: asyncio.Event) -> Ending:
    """Wait for a reason to leave, act on it, and tell the server to close."""
    async with asyncio.TaskGroup() as group:
        stop = group.create_task(asked.wait())
        giving_up = group.create_task(served.gave_up())
        await asyncio.wait((stop, giving_up), return_when=asyncio.FIRST_COMPLETED)
        ending = giving_up.result() if giving_up.done() else CLEAN
        if ending is CLEAN:
            await served.drain()
        stop.cancel()
        giving_up.cancel()
    server.should_exit = True
    return ending


def run(
    build: Callable[[str], Served],
    *,
    host: str,
    port: int,
    name: str,
    announce: Announce,
    certificate: Certificate | None = None,
) -> int:
    """Listen, build the app, announce and serve it; return the process's exit code.

    Args:
        build: makes the app, given the URL it will be reached under.
        host: address to listen on.
        port: 0 lets the system choose.
        name: the server's name, for the announcement.
        announce: told once the port is ours, the app is there, and a signal would be heeded.
        certificate: for https; read before anything listens.

    Returns:
        0 after SIGTERM or Ctrl-C; 1 when a second one cut that short; 3 when it cannot start as told; else what the app
        gave up with. Where there is a reason, it is the last line of standard error.

    Raises:
        SetupError: of `build`: the app cannot be made of what it was told; or the certificate cannot be used. Nothing
            has been announced then.
    """
    if certificate is not None:
        certificate.load()
    raise_descriptor_limit()
    sys.setswitchinterval(_SWITCH_S)
    try:
        listener = listen(host, port)
    except SetupError as error:
        return _leave(name, _cannot_start(error))
    with listener:
        # A process that an engine forks would hold the port beyond our end, and nobody could start in our place.
        os.register_at_fork(after_in_child=listener.close)
        url = url_of(listener, host, has_tls=certificate is not None)
        served = build(url)
        listening = Announcement(news=News.LISTENING, name=name, url=url, pid=os.getpid())
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                ending = runner.run(_settle(served, listener, certificate, lambda: announce(listening)))
        except SetupError as error:
            ending = _cannot_start(error)
    return _leave(name, ending)


def _cannot_start(error: SetupError) -> Ending:
    return Ending(code=EXIT_BROKEN_AT_START, reason=f"{error.code}: {error.message}")


def _leave(name: str, ending: Ending) -> int:
    if ending.reason:
        print(f"{name}: {' '.join(ending.reason.split())}", file=sys.stderr, flush=True)  # noqa: T201
    return ending.code


async def _settle(
    served: Served, listener: socket.socket, certificate: Certificate | None, on_heeding: Callable[[], object]
) -> Ending:
    """Serve as a process of its own, which may do as it likes with Python's collector."""
    asyncio.get_running_loop().call_later(SETTLED_S, spare_what_stays)
    return await serve(served, listener, certificate, on_heeding)


def run_instance(config: Config, *, supervised: bool) -> int:
    """Run one instance in this process; return its exit code (see `run`).

    Args:
        config: the model is in its [instance].
        supervised: a fleet started this process: announcements are JSON, and it leaves when the fleet's process does.
    """
    ending_with = skip_teardown()
    if supervised:
        leave_with_parent(supervisor_of(os.environ))
    set_up_log(config.log)
    # Before anything is loaded that starts threads of its own, which would stay where they were started.
    stay_on(config.instance.cores)
    from harken.engine.load import load
    from harken.models.store import open_store
    from harken.server.instance import Instance

    own = config.instance
    store = open_store(config.models, os.environ)
    announce = announce_to(sys.stdout, as_json=supervised or not sys.stdout.isatty())

    def build(url: str) -> Instance:
        ready = Announcement(news=News.READY, name=own.name, url=url, pid=os.getpid())

        def on_ready() -> None:
            spare_what_stays()
            announce(ready)

        return Instance(config, partial(load, store=store), url=url, on_ready=on_ready)

    code = run(build, host=own.host, port=own.port, name=own.name, announce=announce)
    if is_loading() or code == EXIT_ENGINE_LOST:
        # SIGTERM came during the load, or the model hangs. The interpreter, and the libraries that clean up at its end,
        # would wait for threads that nobody needs any more.
        sys.stderr.flush()
        os._exit(code)
    return ending_with(code)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
