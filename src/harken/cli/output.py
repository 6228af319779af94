"""Standard output while a command runs: a full disk below it is told apart from every other failure.

It owns that stream and what a failure of it means for the command; it does not know what is printed. The invariant:
what a command has printed is written when it ends, or the command fails and says so in one sentence.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from harken.errors import HarkenError


class CannotPrint(HarkenError):
    """Standard output cannot be written: a full disk."""

    code = "cannot_print"
    default = "The output cannot be written."


class NotWritten(OSError):
    """Standard output did not take what was written; where its reader is gone it is a BrokenPipeError instead."""


class _Output(io.TextIOWrapper):
    """A stream that says that it was itself which failed.

    Attributes:
        has_failed: somebody was told so.
    """

    has_failed = False

    def write(self, text: str, /) -> int:
        with self._telling():
            return super().write(text)

    def flush(self) -> None:
        with self._telling():
            super().flush()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            self.has_failed = True
            raise
        except OSError as error:
            self.has_failed = True
            raise NotWritten(error.errno, error.strerror) from error


@contextmanager
def standard_output() -> Iterator[None]:
    """Be standard output for a command, to its end.

    What the command was told, and went on from, is not told again: a server serves whoever reads its output or not.

    Raises:
        CannotPrint: it could not be written.
        SystemExit: nobody reads any more; with code 1.
    """
    own = sys.stdout
    if not isinstance(own, io.TextIOWrapper):
        yield
        return
    output = _Output(
        own.buffer, encoding=own.encoding, errors=own.errors, line_buffering=own.line_buffering,
        write_through=own.write_through,
    )  # fmt: skip
    sys.stdout = output
    try:
        try:
            yield
        finally:
            if not output.has_failed:
                output.flush()
    except BrokenPipeError:
        sys.exit(1)
    except NotWritten as error:
        raise cannot_print(error) from error
    finally:
        if output.has_failed:
            let_go_of_output()
        sys.stdout = own
        output.detach()


def cannot_print(error: OSError) -> CannotPrint:
    """Say why the output cannot be written."""
    return CannotPrint(f"The output cannot be written: {error.strerror or error}.")


def let_go_of_output() -> None:
    """Throw away what is still to be printed: the interpreter would try again at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
