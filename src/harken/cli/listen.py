"""`harken listen`: what is said now, as text, while it is said.

It puts together where sound comes from, the client of a session, and what shows the text. The invariants: everything
that was heard before Ctrl-C gets its text, unless it is pressed again; and standard output holds text alone.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from harken.audio.pcm import RATES
from harken.cli.client import ServerRefused, address_of, open_session
from harken.cli.live_client import KEPT_S, LiveClient
from harken.cli.live_screen import Lines, LiveScreen, Terminal
from harken.cli.live_sources import microphone, paced, piped, read_file
from harken.cli.live_told import Told
from harken.cli.live_wish import LiveWish
from harken.cli.screen import Screen
from harken.clock import SystemClock
from harken.errors import ConfigError
from harken.types import SAMPLE_RATE

_HEARTBEAT_S = 20.0
_SPEED_MOST = 1000.0
_SILENCE_MOST_MS = 10_000
_INTERRUPTED = 130

_NO_SPEECH = "No speech was heard."
_NO_WORDS = "Speech was heard, but no words were recognised in it."


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedListen:
    """What a person asks of `harken listen`.

    Attributes:
        source: a recording; "-" for standard input; None for the microphone.
        server: an address.
        api_key: "" for none.
        ca: whose certificates are taken, as PEM; None for those that this machine trusts.
        language: a name or a code; "auto" detects it.
        prompt: names and terms beforehand.
        finds_turns: the server finds the turns; else there is one, to the end.
        silence_ms: the pause that ends a turn; None for the server's.
        speed: of a recording, as a multiple of the pace at which it was spoken; 0 without any pace.
        rate: of standard input, in Hz.
        as_json: print what the server tells, as JSON lines.
    """

    source: Path | None
    server: str
    api_key: str
    ca: Path | None
    language: str
    prompt: str
    finds_turns: bool
    silence_ms: int | None
    speed: float | None
    rate: int | None
    as_json: bool

    @property
    def is_pipe(self) -> bool:
        """Sound comes from standard input."""
        return self.source == Path("-")

    @property
    def is_file(self) -> bool:
        """Sound comes from a recording."""
        return self.source is not None and not self.is_pipe

    @property
    def wish(self) -> LiveWish:
        """What the server is asked for."""
        return LiveWish(
            server=address_of(self.server),
            sample_rate=self.rate or SAMPLE_RATE,
            language="" if self.language == "auto" else self.language,
            prompt=self.prompt,
            finds_turns=self.finds_turns,
            silence_ms=self.silence_ms,
        )


def run(asked: AskedListen) -> int:
    """Listen to the end, and return the exit code: 0, 1 where a turn has no text, 130 for a file that was cut short.

    Raises:
        ConfigError: something asked for makes no sense.
        HarkenError: there is no session, or the server ended it.
    """
    checked(asked)
    return asyncio.run(_Listening(asked).run())


def checked(asked: AskedListen) -> AskedListen:
    """Say whether it can be done.

    Raises:
        ConfigError: something contradicts something else.
    """
    if asked.speed is not None and not asked.is_file:
        raise ConfigError("--speed is a recording's; what is said now has its own pace.")
    if asked.speed is not None and not 0 <= asked.speed <= _SPEED_MOST:
        raise ConfigError(f"--speed is from 0 (as fast as the server takes it) to 1000, not {asked.speed:g}.")
    if asked.rate is not None and not asked.is_pipe:
        raise ConfigError("--rate says what comes from standard input (-); recordings know their own.")
    if asked.rate is not None and asked.rate not in RATES:
        raise ConfigError(f"--rate must be one of {', '.join(map(str, RATES))}, not {asked.rate}.")
    if asked.silence_ms is not None and not asked.finds_turns:
        raise ConfigError("--silence-ms says when a turn ends; with --no-turns there is only one.")
    if asked.silence_ms is not None and not 0 <= asked.silence_ms <= _SILENCE_MOST_MS:
        raise ConfigError(f"--silence-ms is from 0 to {_SILENCE_MOST_MS}, not {asked.silence_ms}.")
    return asked


class _Listening:
    """One run.

    Args:
        asked: what is wanted, checked.
    """

    def __init__(self, asked: AskedListen) -> None:
        self._asked = asked
        self._has_failed = False
        self._has_speech = False
        self._has_words = False
        self._is_cut = False
        self._client: LiveClient | None = None
        self._screen = _screen(asked.as_json)

    async def run(self) -> int:
        """Listen, and return the exit code."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None, "it runs in asyncio.run"
        for number in () if sys.platform == "win32" else (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._cut, task)
        try:
            await self._listen()
        except asyncio.CancelledError:
            return _INTERRUPTED
        if self._has_failed:
            return 1
        if not self._has_words and not self._asked.as_json:
            _complain(_NO_WORDS if self._has_speech else _NO_SPEECH)
        return _INTERRUPTED if self._is_cut and self._asked.is_file else 0

    def _cut(self, task: asyncio.Task[object]) -> None:
        """Ctrl-C: first finish what was said; pressed again, or before there is anything, end."""
        if self._client is None or self._is_cut:
            task.cancel()
            return
        self._is_cut = True
        self._client.stop()

    async def _listen(self) -> None:
        asked = self._asked
        samples = await asyncio.to_thread(read_file, asked.source) if asked.source and asked.is_file else None
        with self._screen as screen:

            def sound() -> AsyncIterator[bytes]:
                if samples is not None:
                    return paced(samples, speed=1.0 if asked.speed is None else asked.speed, clock=SystemClock())
                if asked.is_pipe:
                    return piped(sys.stdin.fileno(), asked.wish.sample_rate)
                return microphone(asked.wish.sample_rate, screen.warn)

            async with open_session(asked.api_key, asked.ca) as http:
                client = LiveClient(
                    http,
                    asked.wish,
                    tell=self._take,
                    warn=screen.warn,
                    keeps_s=None if asked.is_file else KEPT_S,
                    heartbeat_s=None if asked.speed == 0 else _HEARTBEAT_S,
                )

                async def feed() -> None:
                    self._client = client
                    async for packet in sound():
                        await client.send(packet)

                try:
                    await client.talk(feed)
                except ServerRefused as error:
                    raise _with_seconds(error) from error

    def _take(self, told: Told) -> None:
        self._has_failed = self._has_failed or told.kind == "failed"
        self._has_speech = self._has_speech or told.kind == "speech_started"
        self._has_words = self._has_words or bool(told.kind == "completed" and told.text)
        if told.kind != "error":  # what ends the session is the command's own error
            self._screen.show(told)


def _with_seconds(error: ServerRefused) -> ServerRefused:
    """Say when it makes sense to come again."""
    if error.retry_after_s is None:
        return error
    message = f"{error.message} Try again in {error.retry_after_s} s."
    return ServerRefused(error.code, message, error.answered, retry_after_s=error.retry_after_s)


def _screen(as_json: bool) -> LiveScreen:
    console = Screen(highlight=False)
    if console.is_terminal and not console.is_dumb_terminal and not as_json:
        return Terminal(console)
    return Lines(_write, _complain, as_json=as_json)


def _write(line: str) -> None:
    print(line, flush=True)


def _complain(line: str) -> None:
    print(f"harken: {line}", file=sys.stderr)
