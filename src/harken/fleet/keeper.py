"""Keeps one instance alive: does what `Supervision` says and tells it what happened.

It has no opinion of its own. Everything that happens comes in through `tell`, which is synchronous: decision, phase and
timer change in one breath, so no event can be lost or overtaken. The one task is the process's life. The invariant: as
long as there is a process, that task runs; when it ends, the process is gone and its target is removed.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import assert_never

from harken.clock import Clock
from harken.config import FleetConfig, InstanceConfig
from harken.fleet.obituary import Obituary, OnCrash
from harken.fleet.output import UNKNOWN, last_words, read_output
from harken.fleet.output_bound import OutputBound
from harken.fleet.owner import TargetOwner
from harken.fleet.phases import Event, Phase
from harken.fleet.site import Berth, Lost, Spawned
from harken.fleet.supervisor import Action, Do, Supervision, is_abnormal
from harken.fleet.turn import Turn
from harken.log import OWNER, get_log
from harken.server.announce import Announcement, News
from harken.types import InstanceHealth

_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM})
"""Why a process could not be created that are not its own fault, and pass."""

_WANTED = frozenset({Phase.STARTING, Phase.READY, Phase.KILLING})
"""Where an end was not asked for."""

_log = get_log("fleet.keeper")


class Keeper:
    """Keeps one instance.

    Args:
        instance: what to start.
        config: retries, waits and time limits.
        berth: starts its processes.
        owner: told of addresses.
        group: owns the process's task.
        turn: its place among those that may load at once.
        clock: for the record of failures.
        stop_timeout_s: after SIGTERM, before SIGKILL.
        on_broken: called when the instance is broken at start.
        weight: its share of the work under the weighted policies.
        is_admitted: whether the owner is told where it listens; else only after `admit`.
        on_change: called after its phase has changed, or its process has come or gone.
        on_crash: takes a report of each process that ended as it should not have.

    Attributes:
        start_s: seconds that its last start took; None before one succeeded.
    """

    def __init__(
        self,
        *,
        instance: InstanceConfig,
        config: FleetConfig,
        berth: Berth,
        owner: TargetOwner,
        group: asyncio.TaskGroup,
        turn: Turn,
        clock: Clock,
        stop_timeout_s: float,
        on_broken: Callable[[], None],
        weight: float = 1.0,
        is_admitted: bool = True,
        on_change: Callable[[], None] = lambda: None,
        on_crash: OnCrash | None = None,
    ) -> None:
        self.name = instance.name
        self.instance = instance
        self.weight = weight
        self._config = config
        self._berth = berth
        self._owner = owner
        self._group = group
        self._turn = turn
        self._is_admitted = is_admitted
        self._on_change = on_change
        self._clock = clock
        self._stop_timeout_s = stop_timeout_s
        self._on_broken = on_broken
        self._supervision = Supervision(config)
        self._obituary = Obituary(instance, clock, on_crash)
        self._process: Spawned | None = None
        self._life: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._kill_on_arrival = False
        self._is_ready = asyncio.Event()
        self._url = ""
        self._is_in_service = False
        self._failed_because = ""
        self._remark = ""
        self._began_at: float | None = None
        self._bound = OutputBound()
        self.start_s: float | None = None

    @property
    def url(self) -> str:
        """Where its process listens; "" where there is none, or it is on its way out."""
        return self._url

    @property
    def failed_because(self) -> str:
        """Why its last start failed, or why it ended; "" since it was ready."""
        return self._failed_because

    @property
    def phase(self) -> Phase:
        """Where it is now."""
        return self._supervision.phase

    @property
    def broken_because(self) -> str:
        """Why it is broken at start."""
        return self._failed_because if self.phase is Phase.BROKEN else ""

    def health(self) -> InstanceHealth:
        """What the supervisor knows of it."""
        return InstanceHealth(
            name=self.name,
            url=self._url,
            state=self._shown.value,
            restarts=self._supervision.restarts,
            pid=self._process.pid if self._process else None,
            detail=self._turn.awaited_because or self._failed_because or self._remark,
        )

    @property
    def lacks_room(self) -> str:
        """Why it cannot start before somebody makes room for it, as a sentence; "" where it can."""
        return self._turn.awaited_because if self._turn.lacks_room else ""

    @property
    def _shown(self) -> Phase:
        if self.phase is Phase.STARTING and self._turn.is_awaited:
            return Phase.WAITING
        # Ready, and without work yet: it still proves itself.
        return Phase.STARTING if self.phase is Phase.READY and not self._is_admitted else self.phase

    @property
    def failed_starts(self) -> int:
        """Starts that failed in a row, since an operator wanted it or it was ready."""
        return self._supervision.failed_starts

    def want(self) -> None:
        """An operator wants it to run, whatever was before."""
        self._turn.want()
        self.tell(Event.WANTED)

    def admit(self) -> None:
        """Let it have work, now and after every restart."""
        self._is_admitted = True
        if self._url:
            self._enter_service()

    def remark(self, sentence: str) -> None:
        """Show something of the process that it has now, if it has one, for as long as that lives."""
        if self._process is not None:
            self._remark = sentence

    def replace(self, why: str) -> None:
        """Have its process killed and another one started, for what it did: a sentence without its full stop."""
        if self.phase is Phase.READY:
            self._obituary.blame(why)
        self.tell(Event.UNRESPONSIVE)

    def tell(
        self,
        event: Event,
        *,
        exit_code: int | None = None,
        said: str = "",
        is_shortage: bool = False,
        is_lost: bool = False,
    ) -> None:
        """Take in an event and act on it at once; see `Supervision.on`."""
        before = self.phase
        action = self._supervision.on(
            event, self._clock.now(), exit_code=exit_code, said=said, is_shortage=is_shortage, is_lost=is_lost
        )
        if self.phase is not before:
            self._cancel_timer()
            _log.info(
                "instance.phase", instance=self.name, phase=self.phase.value, before=before.value, exit_code=exit_code
            )
        if event is Event.EXITED:
            self._obituary.end(
                before,
                exit_code,
                was_ready=self._is_ready.is_set(),
                reason=said if self._is_ready.is_set() else action.reason or said,
                restarts=self._supervision.restarts,
                is_lost=is_lost,
                is_blameless=is_lost and is_shortage,
            )
        self._act(action)
        if self.phase is not before:
            self._on_change()
        self._tell_device(event, before, action.reason, is_failure=is_abnormal(exit_code) and not is_shortage)

    def _tell_device(self, event: Event, before: Phase, reason: str, *, is_failure: bool) -> None:
        """What became of it may be its device's fault, or say nothing of that."""
        if event is Event.EXITED and is_failure and before in _WANTED:
            self._turn.fail(reason or "It crashed.")
        if (event is Event.EXITED and not is_failure) or self.phase in (Phase.BROKEN, Phase.STOPPED):
            self._turn.leave()

    def _act(self, action: Action) -> None:
        match action.do:
            case Do.NOTHING:
                pass
            case Do.START:
                self._kill_on_arrival = False
                self._life = self._group.create_task(self._live())
            case Do.WAIT:
                self._failed_because = action.reason
                _log.warning("instance.restart", instance=self.name, wait_s=action.wait_s, reason=action.reason)
                self._set_timer(action.wait_s, Event.DUE)
            case Do.TERMINATE:
                self._end(hard=False)
                self._set_timer(self._stop_timeout_s, Event.OVERDUE)
            case Do.KILL:
                self._end(hard=True)
            case Do.GIVE_UP:
                self._failed_because = action.reason
                _log.error("instance.broken_at_start", instance=self.name, reason=action.reason)
                self._on_broken()
            case other:
                assert_never(other)

    def _end(self, *, hard: bool) -> None:
        """End the process, wherever its start has got to; nothing is sent to it any more."""
        self._leave_service()
        if self._process is not None:
            (self._process.kill if hard else self._process.terminate)()
        elif self._turn.is_awaited and self._life is not None:
            self._life.cancel()
        else:
            # It is being created this moment; it has nothing to lose yet.
            self._kill_on_arrival = True

    async def _live(self) -> None:
        """One process, from its start to its end."""
        code: int | None = None
        said = ""
        is_shortage = is_lost = False
        try:
            if await self._turn.take():
                try:
                    code, said = await self._run_process()
                finally:
                    self._turn.give_back()
            else:
                said = self._turn.refused_because
        except Lost as error:
            said, is_lost, is_shortage = str(error), True, error.is_blameless
        except OSError as error:
            said = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
            is_shortage = error.errno in _SHORTAGES
            if not is_shortage:
                self._obituary.begin(None)
        except Exception as error:  # noqa: BLE001 - the edge of this task: one instance's oddity must not end the others
            _log.exception("instance.keeper_defect", instance=self.name)
            said = f"{type(error).__name__}: {error}"
        except asyncio.CancelledError:
            # The whole fleet is being cut down; the process is dead, and must not come back.
            self._supervision.on(Event.STOP, self._clock.now())
            raise
        finally:
            self.tell(Event.EXITED, exit_code=code, said=said, is_shortage=is_shortage, is_lost=is_lost)

    async def _run_process(self) -> tuple[int, str]:
        self._is_ready.clear()
        self._began_at = self._clock.now()
        process = await self._berth.spawn()
        self._process = process
        self._obituary.begin(process)
        if self._kill_on_arrival:
            process.kill()
        else:
            self._set_timer(self._config.start_timeout_s, Event.OVERDUE)
        watches = [self._group.create_task(self._watch_turn()), self._group.create_task(self._look(process))]
        try:
            code = await process.attend(self._on_news, self._on_line)
        finally:
            for watch in watches:
                watch.cancel()
            self._process = None
            self._remark = ""
            self._tell_left_out(self._bound.end())
            self._leave_service()
        return code, last_words(process.last_lines)

    def _enter_service(self) -> None:
        self._is_in_service = True
        self._owner.add_target(self.name, self._url, weight=self.weight)

    def _leave_service(self) -> None:
        self._url = ""
        if self._is_in_service:
            self._is_in_service = False
            self._owner.remove_target(self.name)

    async def _watch_turn(self) -> None:
        if await self._turn.lose_by_silence(lambda: self._url):
            _log.warning("instance.turn_lost", instance=self.name)

    async def _look(self, process: Spawned) -> None:
        """Look once at what has become ready."""
        await self._is_ready.wait()
        if self._berth.check is not None and process.pid is not None:
            self.remark(await self._berth.check(process.pid))

    def _on_news(self, announcement: Announcement) -> None:
        match announcement.news:
            case News.LISTENING:
                self._url = announcement.url
                if self._is_admitted:
                    self._enter_service()
            case News.READY:
                self._failed_because = ""
                self.start_s = None if self._began_at is None else self._clock.now() - self._began_at
                self._is_ready.set()
                self.tell(Event.READY)
                self._turn.succeed()
            case other:
                assert_never(other)

    def _on_line(self, line: str) -> None:
        now = self._clock.now()
        self._tell_left_out(self._bound.left_out(now))
        passed_on = read_output(line)
        # Events are of Harken's own log; all else is printed by whoever runs in that process.
        if passed_on.event == UNKNOWN and not self._bound.admit(now):
            return
        getattr(_log, passed_on.level)(passed_on.event, instance=self.name, **{**passed_on.fields, OWNER: self.name})

    def _tell_left_out(self, lines: int) -> None:
        if lines:
            _log.warning("instance.output_left_out", instance=self.name, lines=lines, **{OWNER: self.name})

    def _set_timer(self, after_s: float, event: Event) -> None:
        self._cancel_timer()
        self._timer = asyncio.get_running_loop().call_later(after_s, self.tell, event)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
