"""The end of a process whose interpreter need not clear up after it.

What a server owns is closed when its app's lifespan is over. What Python then does, module by module, costs time, and
extensions that count their own objects (triton, which torch brings) report all of those that the collector spares
(`garbage`) as leaked: dozens of lines behind the last words of an instance. The invariant: whatever else is to be done
at the end, the last lines of the log included, is done before.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from collections.abc import Callable


def skip_teardown() -> Callable[[int], int]:
    """Have the process end right behind everything that is registered for its end after this call.

    Returns:
        Takes the exit code, and returns it. Until it was called the process ends as any other.
    """
    codes: list[int] = []

    def leave() -> None:
        if codes:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):  # whoever read it is gone
                    stream.flush()
            os._exit(codes[-1])

    def note(code: int) -> int:
        codes.append(code)
        return code

    atexit.register(leave)  # the last registered is called first
    return note
