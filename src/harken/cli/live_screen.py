"""How `harken listen` shows what is told: on a terminal while it is said, elsewhere a line for each turn, or as JSON.

On a terminal a turn that goes on is drawn again and again below what is final; its tentative end is dim, or in italics
for those who want no colours. When it is completed its whole text is written above, once, and nothing of it is touched
again. The invariant: whatever a server sends, a pipe gets final text alone, and a terminal nothing that it would obey.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from harken.cli.live_told import Told


class LiveScreen(Protocol):
    """Shows a session; used inside `with`."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, told: Told) -> None:
        """Show what was told."""
        ...

    def warn(self, sentence: str) -> None:
        """Say what a person should know beside the text."""
        ...


class Lines:
    """A line for each turn, or for each message.

    Args:
        write: takes a line for standard output.
        complain: takes one for standard error.
        as_json: write every message, as it came.
    """

    def __init__(self, write: Callable[[str], None], complain: Callable[[str], None], *, as_json: bool) -> None:
        self._write = write
        self._complain = complain
        self._as_json = as_json

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, told: Told) -> None:
        """Write it, if it is something to be written."""
        if self._as_json:
            if told.raw:
                self._write(told.raw)
        elif told.kind == "completed" and told.text:
            self._write(told.text)
        if told.kind in ("failed", "error"):
            self._complain(f"{told.message} [{told.code}]")
        for sentence in told.warnings:
            self._complain(sentence)

    def warn(self, sentence: str) -> None:
        """Say it on standard error."""
        self._complain(sentence)


class Terminal:
    """A terminal.

    Args:
        console: draws.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._faint = "italic" if console.no_color else "dim"
        self._open: dict[int, tuple[str, str]] = {}
        """Turns that go on: their final text so far, and what is tentative."""
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False,
            vertical_overflow="visible",
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        unfinished = [final for final, _ in self._open.values() if final]
        self._open.clear()
        self._draw()
        self._live.stop()
        for final in unfinished:  # it was shown as final, so it stays
            self._console.print(Text(final))

    def show(self, told: Told) -> None:
        """Draw the turns that go on, above them what is final."""
        match told.kind:
            case "text":
                final, _ = self._open.get(told.turn, ("", ""))
                self._open[told.turn] = (final + self._written(told.delta), self._written(told.tentative))
            case "completed":
                self._open.pop(told.turn, None)
                self._draw()
                if told.text:
                    self._console.print(Text(self._written(told.text)))
                for sentence in told.warnings:
                    self.warn(sentence)
            case "failed" | "error":
                self._open.pop(told.turn, None)
                self.warn(f"{told.message} [{told.code}]")
            case "restarted":
                self._open.clear()
            case _:
                return
        self._draw()

    def warn(self, sentence: str) -> None:
        """Say it above the text, faintly."""
        self._console.print(Text(self._written(sentence), style="italic" if self._console.no_color else "dim italic"))

    def _written(self, text: str) -> str:
        """Text as it comes out: a sign that the terminal's encoding lacks is escaped, which makes it wider."""
        encoding = getattr(self._console.file, "encoding", None)
        errors = getattr(self._console.file, "errors", None)
        return text.encode(encoding, errors or "strict").decode(encoding) if encoding else text

    def _draw(self) -> None:
        whole = Text("\n").join(
            Text.assemble(final, (tentative, self._faint))
            for final, tentative in self._open.values()
            if final or tentative
        )
        lines = whole.wrap(self._console, self._console.width)
        # What has left the screen at the top could not be drawn over.
        shown = lines[-max(1, self._console.height - 2) :]
        self._live.update(Text("\n").join(shown), refresh=True)
