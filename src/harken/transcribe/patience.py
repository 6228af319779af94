"""How often a piece that failed is tried again, and how long is waited before that.

A recognizer beneath has its own tries: a dispatcher goes through several instances within seconds. This is the slower
patience above it, for what takes a while to heal: an instance that starts again, a queue that is full. It knows nothing
of the text. The invariant: only errors that may pass are tried again; as long as nothing of the recording is done, its
client loses nothing by trying again himself, so he is told at once; a piece on which instances die is tried once more
only, so that a recording that kills instances does not go through a whole fleet again and again; and nobody who read
the beginning of a text is then told of another one, unless the rest of a long recording would be lost by that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from harken.clock import Clock
from harken.errors import ClientError, Draining, HarkenError, InstanceFailed
from harken.log import get_log
from harken.trace import log_fields_of
from harken.types import Options, Recognizer, Segment, Send, Transcript

Sleep = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""

_WAITS_S = (0.5, 2.0, 8.0)
"""Before the first, second and third further try."""

_DEATHS_RETRIED = 1
_STREAMED_RETRIED = 2
_HINT_MAX_S = 30.0

_log = get_log("transcribe.patience")


@dataclass(frozen=True, kw_only=True, slots=True)
class Setback:
    """One failed try of a piece.

    Attributes:
        error: how it failed.
        retries: further tries that were made already.
        elapsed_s: seconds since the first try began.
        is_told: text of it was passed on before it failed, so that nobody beneath could try again.
        has_results: some other piece of the recording is done, or this one had an answer before.
    """

    error: HarkenError
    retries: int
    elapsed_s: float
    is_told: bool
    has_results: bool


def wait_before_retry(setback: Setback, patience_s: float) -> float | None:
    """Return how many seconds to wait before the next try; None when the error is the answer."""
    error = setback.error
    if not error.retryable or isinstance(error, ClientError | Draining):
        return None
    if not setback.has_results and not setback.is_told:
        return None
    if setback.retries >= _most(setback):
        return None
    wait_s = max(_WAITS_S[setback.retries], min(float(error.retry_after_s or 0), _HINT_MAX_S))
    return wait_s if setback.elapsed_s + wait_s < patience_s else None


def _most(setback: Setback) -> int:
    if setback.is_told:
        return _STREAMED_RETRIED
    return _DEATHS_RETRIED if isinstance(setback.error, InstanceFailed) else len(_WAITS_S)


class Patient:
    """Recognises segments and tries again where that may help.

    Args:
        recognizer: does it.
        patience_s: no further try begins later than this after the first.
        clock: measures that.
        sleep: waits.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        *,
        patience_s: float,
        clock: Clock,
        sleep: Sleep,
    ) -> None:
        self._recognizer = recognizer
        self._patience_s = patience_s
        self._clock = clock
        self._sleep = sleep

    async def recognize(
        self,
        segment: Segment,
        options: Options,
        send: Send | None = None,
        *,
        has_results: Callable[[], bool] = lambda: True,
    ) -> Transcript:
        """Recognise one segment; only the first try sends text.

        Args:
            segment: see `Recognizer`.
            options: see `Recognizer`.
            send: see `Recognizer`.
            has_results: tells whether something of the recording is done already, and would be lost by failing.

        Raises:
            HarkenError: of the last try; of the first, where the last contradicts what that had told.
        """
        began = self._clock.now()
        retries, told = 0, ""
        first: HarkenError | None = None

        def tell(text: str) -> None:
            nonlocal told
            told += text
            assert send is not None
            send(text)

        while True:
            try:
                answer = await self._recognizer.recognize(
                    segment, options, tell if send is not None and retries == 0 else None
                )
            except HarkenError as error:
                first = first or error
                setback = Setback(
                    error=error,
                    retries=retries,
                    elapsed_s=self._clock.now() - began,
                    is_told=bool(told),
                    has_results=has_results(),
                )
                wait_s = wait_before_retry(setback, self._patience_s)
                if wait_s is None:
                    raise
                _log.info(
                    "piece.retried",
                    request_id=segment.request_id,
                    segment=segment.index,
                    code=error.code,
                    reason=error.message,
                    retries=retries + 1,
                    wait_s=wait_s,
                    **log_fields_of(segment.requester.trace),
                )
            else:
                if first is not None and not answer.text.strip().startswith(told.strip()) and not has_results():
                    raise first
                return answer
            await self._sleep(wait_s)
            retries += 1
