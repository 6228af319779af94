"""Whether a device is to be trusted: a table of state × event → reaction.

Pure. One GPU is one failure domain: a driver that fell over, memory that leaked away or an MPS server that died takes
all its instances along, and when all of them come back at once and again and again, nobody can tell what is wrong and
nothing ever gets better. So when two instances of a device fail within ten seconds the device is suspect: one instance,
the probe, is started alone; once it is ready all others may follow, and when it fails too often the device is given up.
The invariant: while a device is suspect at most one instance of it is let in, and somebody always may be.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto

WINDOW_S = 10.0
"""Failures of different instances within this time are taken for one failure of their device."""


class DeviceState(StrEnum):
    """How a device is seen."""

    WELL = "well"
    SUSPECT = "suspect"
    """Whoever asks first is the probe."""
    PROBED = "probed"
    """There is a probe; the others wait."""
    GIVEN_UP = "given_up"
    """Only a person can change that, who has one of its instances tried again."""


class DeviceEvent(Enum):
    """What can happen to it; all but the last happen to one of its instances."""

    ASKED = auto()
    """It wants to start."""
    LOADING = auto()
    """It was let in, and has a place now."""
    READY = auto()
    FAILED = auto()
    """It died or was killed for its silence, while it started or later; not by its configuration's fault."""
    LEFT = auto()
    """It does not start for now, for reasons that say nothing of the device."""
    MPS_DIED = auto()
    """The daemon through which its instances share it."""
    WANTED = auto()
    """An operator wants an instance tried again."""


class Answer(Enum):
    """What an instance that asked is told; the other events have NONE."""

    NONE = auto()
    ADMIT = auto()
    HOLD = auto()
    """Ask again when something has changed."""
    REFUSE = auto()


class DeviceReact(Enum):
    """The table's right-hand side; who it is that something happened to may matter, too."""

    IGNORE = auto()
    ADMIT = auto()
    ADMIT_PROBE = auto()
    APPOINT = auto()
    REFUSE = auto()
    NOTE_LOADING = auto()
    COUNT_FAILURE = auto()
    COUNT_PROBE = auto()
    DISMISS_PROBE = auto()
    SUSPECT = auto()
    REINSTATE = auto()
    TRUST = auto()


def _row(
    state: DeviceState,
    *,
    asked: DeviceReact,
    loading: DeviceReact,
    ready: DeviceReact,
    failed: DeviceReact,
    left: DeviceReact,
    mps_died: DeviceReact,
    wanted: DeviceReact = DeviceReact.IGNORE,
) -> dict[tuple[DeviceState, DeviceEvent], DeviceReact]:
    return {
        (state, DeviceEvent.ASKED): asked,
        (state, DeviceEvent.LOADING): loading,
        (state, DeviceEvent.READY): ready,
        (state, DeviceEvent.FAILED): failed,
        (state, DeviceEvent.LEFT): left,
        (state, DeviceEvent.MPS_DIED): mps_died,
        (state, DeviceEvent.WANTED): wanted,
    }


_S, _R = DeviceState, DeviceReact
_NO = DeviceReact.IGNORE

# fmt: off
DEVICE_TABLE: dict[tuple[DeviceState, DeviceEvent], DeviceReact] = {
    **_row(_S.WELL, asked=_R.ADMIT, loading=_R.NOTE_LOADING, ready=_NO, failed=_R.COUNT_FAILURE, left=_NO,
           mps_died=_R.SUSPECT),
    **_row(_S.SUSPECT, asked=_R.APPOINT, loading=_R.NOTE_LOADING, ready=_R.TRUST, failed=_NO, left=_NO, mps_died=_NO),
    # Who is ready now has proved as much as a probe, whoever it is.
    **_row(_S.PROBED, asked=_R.ADMIT_PROBE, loading=_R.NOTE_LOADING, ready=_R.TRUST, failed=_R.COUNT_PROBE,
           left=_R.DISMISS_PROBE, mps_died=_NO),
    # Those that still run go on; none is started any more.
    **_row(_S.GIVEN_UP, asked=_R.REFUSE, loading=_NO, ready=_NO, failed=_NO, left=_NO, mps_died=_NO,
           wanted=_R.REINSTATE),
}
# fmt: on


_ENDS_OF_LOADING = frozenset({DeviceEvent.READY, DeviceEvent.FAILED, DeviceEvent.LEFT})


class DeviceHealth:
    """The record of one device.

    Args:
        start_retries: failed probes in a row that are tried again.

    Attributes:
        state: how it is seen now.
        probe: the instance that is to prove it; "" for none.
        failed_probes: in a row, since it became suspect.
    """

    def __init__(self, start_retries: int) -> None:
        self._start_retries = start_retries
        self.state = DeviceState.WELL
        self.probe = ""
        self.failed_probes = 0
        self._failed_at: dict[str, float] = {}
        self._loading: list[str] = []

    def on(self, event: DeviceEvent, name: str, now: float) -> Answer:
        """Take in an event; answer whoever asked.

        Args:
            event: what happened.
            name: of the instance; "" for MPS_DIED.
            now: monotonic seconds.
        """
        react = DEVICE_TABLE[self.state, event]
        if event is DeviceEvent.ASKED:
            return self._answer(react, name)
        if event in _ENDS_OF_LOADING and name in self._loading:
            self._loading.remove(name)
        self._take_in(react, name, now)
        return Answer.NONE

    def _answer(self, react: DeviceReact, name: str) -> Answer:
        if react is DeviceReact.REFUSE:
            return Answer.REFUSE
        if react is DeviceReact.APPOINT:
            self.state, self.probe = DeviceState.PROBED, name
        if react is DeviceReact.ADMIT_PROBE and name != self.probe:
            return Answer.HOLD
        return Answer.ADMIT

    def _take_in(self, react: DeviceReact, name: str, now: float) -> None:
        is_probe = name == self.probe
        match react:
            case DeviceReact.NOTE_LOADING:
                self._loading = [*dict.fromkeys((*self._loading, name))]
            case DeviceReact.COUNT_FAILURE:
                self._count_failure(name, now)
            case DeviceReact.COUNT_PROBE if is_probe:
                self._count_probe()
            case DeviceReact.DISMISS_PROBE if is_probe:
                self.state, self.probe = DeviceState.SUSPECT, ""
            case DeviceReact.SUSPECT | DeviceReact.REINSTATE:
                self._suspect()
            case DeviceReact.TRUST:
                self.state, self.probe = DeviceState.WELL, ""
            case _:
                pass

    def _count_failure(self, name: str, now: float) -> None:
        recent = {other: at for other, at in self._failed_at.items() if now - at <= WINDOW_S}
        self._failed_at = recent | {name: now}
        if len(self._failed_at) > 1:
            self._suspect()

    def _suspect(self) -> None:
        # Who is loading anyhow is as good a probe as any.
        self.probe = next(iter(self._loading), "")
        self.state = DeviceState.PROBED if self.probe else DeviceState.SUSPECT
        self.failed_probes = 0
        self._failed_at.clear()

    def _count_probe(self) -> None:
        self.failed_probes += 1
        if self.failed_probes > self._start_retries:
            self.state, self.probe = DeviceState.GIVEN_UP, ""
