"""Looks at the machine side by side, with one bound for all of them.

Each runs in a thread of its own that nobody waits for in the end: a name server, a driver or a network disk may never
answer. The invariant: `look_at_all` returns within its time, whatever the looks do.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any


def look_at_all(looks: Mapping[str, Callable[[], Any]], timeout_s: float) -> dict[str, Any]:
    """Run looks at the same time; those that did not end in time are not in the answer.

    Args:
        looks: by name.
        timeout_s: of all of them together.

    Raises:
        Exception: what a look raised: it is a defect of ours, since looks report failures as data.
    """
    answers: queue.SimpleQueue[tuple[str, Any, BaseException | None]] = queue.SimpleQueue()

    def run(name: str, look: Callable[[], Any]) -> None:
        try:
            answers.put((name, look(), None))
        except BaseException as error:  # noqa: BLE001 - handed over to whoever asked
            answers.put((name, None, error))

    for name, look in looks.items():
        threading.Thread(target=run, args=(name, look), name=f"look-{name}", daemon=True).start()
    found: dict[str, Any] = {}
    until = time.monotonic() + timeout_s
    while len(found) < len(looks):
        try:
            name, answer, error = answers.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        if error is not None:
            raise error
        found[name] = answer
    return found
