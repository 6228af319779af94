"""The cluster's figures as people read them in a terminal: the dashboard's words and units. Pure.

The headline says whether it is well, from the document alone; `static/ui/headline.js` says the same on the page. What
is not known is "–", never 0. The invariant: a server that fails a twentieth of its requests is not called healthy.
`tests/cli/test_top_words.py` holds states and outcomes against the page's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NOTHING = "–"
AT_WORK = frozenset({"ready", "full"})
_WANTED = frozenset({"draining", "drained", "gone", "stopped", "asleep", "leaving"})
_BUSY = frozenset({"starting", "warming", "on_trial"})
_UNWELL = frozenset({"suspect", "resting"})
_FAILING = 0.95
_FULL_SOON = 0.8

STATES = {
    "waiting": "waiting to start",
    "killing": "being killed",
    "warming": "warming up",
    "suspect": "not answering",
    "resting": "set aside",
    "on_trial": "on trial",
    "broken_at_start": "broken at start",
}
OUTCOMES = {"cancelled": "client left", "cached": "from the cache"}
"""Where the page's word is another than the document's."""

_WORDS = {
    "healthy": ("good", "Healthy"),
    "degraded": ("warn", "Degraded"),
    "starting": ("busy", "Starting"),
    "draining": ("busy", "Shutting down"),
    "unhealthy": ("bad", "Cannot transcribe"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Headline:
    """Is it well?

    Attributes:
        tone: "good", "busy", "warn", "bad" or "off".
        word: one or two of them.
        facts: behind it.
    """

    tone: str
    word: str
    facts: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        return f"{self.word}: {', '.join(self.facts)}"


def headline(told: Mapping[str, Any]) -> Headline:
    """Say whether the cluster of a document is well."""
    tone, word = _verdict(told)
    return Headline(tone=tone, word=word, facts=tuple(_facts(told)))


def tone_of(instance: Mapping[str, Any]) -> str:
    """How an instance's state is shown."""
    state, success = instance["state"], instance["success"]
    if state in AT_WORK:
        return "warn" if success is not None and success < _FAILING else "good"
    if state in _BUSY:
        return "busy"
    if state in _WANTED:
        return "off"
    return "warn" if state in _UNWELL else "bad"


def state(name: str) -> str:
    """An instance's state as people read it."""
    return STATES.get(name, name.replace("_", " "))


def outcome(name: str) -> str:
    """How a request ended, as people read it."""
    return OUTCOMES.get(name, name.replace("_", " "))


def _verdict(told: Mapping[str, Any]) -> tuple[str, str]:
    server, now = told["server"], told["now"]
    is_at_work = any(one["state"] in AT_WORK for one in told["instances"])
    if server["kind"] == "gateway" and server["is_ready"] and not is_at_work:
        return "off", "Asleep"
    tone, word = _WORDS.get(server["status"], _WORDS["healthy" if server["is_ready"] else "unhealthy"])
    if tone == "good" and now["requests"] and now["success"] is not None and now["success"] < _FAILING:
        return "warn", "Requests fail"
    return tone, word


def _facts(told: Mapping[str, Any]) -> list[str]:
    server, now, queue = told["server"], told["now"], told["queue"]
    facts = []
    if server["kind"] == "gateway":
        ready, all_of_them = sum(one["state"] in AT_WORK for one in told["instances"]), len(told["instances"])
        facts.append(f"{ready:,} of {all_of_them:,} instance{'' if all_of_them == 1 else 's'} ready")
    if now["requests"]:
        facts.append(f"{speed(now['rtfx'])} real time")
        if now["p95_s"] is not None:
            facts.append(f"p95 {seconds(now['p95_s'])}")
        failed = f"{now['failed']:,} of {now['requests']:,} requests failed"
        facts.append(failed if now["failed"] else "nothing fails")
    else:
        what = "no request ended" if now["in_progress"] else "no request"
        facts.append(f"{what} in the last minute")
    filled = queue["audio_s"] / queue["limit_audio_s"] if queue["limit_audio_s"] else 0.0
    if filled >= _FULL_SOON:
        facts.append(f"the queue is {filled:.0%} full")
    return facts


def percent(share: float | None) -> str:
    """A share of 0 to 1 as "99.7 %"; only a whole one is 100 %."""
    if share is None:
        return NOTHING
    if share >= 1:
        return "100 %"
    return f"{min(share * 100, 99.9):.1f} %"


def speed(rtfx: float | None) -> str:
    """How many times faster than real time: "52×"."""
    if rtfx is None:
        return NOTHING
    return f"{rtfx:,.1f}×" if 0 < rtfx < 10 else f"{rtfx:,.0f}×"


def seconds(value: float | None) -> str:
    """A wait: "0.20 s", "12.4 s", "2 min 5 s"."""
    if value is None:
        return NOTHING
    if value >= 99.95:
        return span(value)
    digits = 0 if value == 0 else 3 if value < 0.01 else 2 if value < 9.995 else 1
    return f"{value:.{digits}f} s"


def span(value: float | None) -> str:
    """A length in its two largest units: "21.5 s", "6 min 50 s", "4 d 2 h"."""
    if value is None:
        return NOTHING
    if value < 99.95:
        return f"{value:.0f} s" if value == int(value) or value >= 59.95 else f"{value:.1f} s"
    whole = round(value)
    for unit, size, below, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {below}" if rest else "")
    return NOTHING


def ago(value: float | None) -> str:
    """How long ago, in one unit: "now", "6 s ago"."""
    if value is None:
        return NOTHING
    if value < 1:
        return "now"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if value >= size:
            return f"{value // size:.0f} {unit} ago"
    return f"{value:.0f} s ago"


def last(value: float | None) -> str:
    """How long ago something happened that may not have happened yet."""
    return "never" if value is None else ago(value)


def size(value: int | None) -> str:
    """Memory: "402 MiB", "9.0 GiB"."""
    if value is None:
        return NOTHING
    mib = value / 2**20
    if mib < 1000:
        return f"{mib:.0f} MiB"
    return f"{mib / 1024:.{1 if mib < 102_400 else 0}f} GiB"
