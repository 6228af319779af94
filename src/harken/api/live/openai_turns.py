"""`turn_detection` of OpenAI's realtime API, read and written. Pure."""

from __future__ import annotations

from harken.api.live.outbox import Members
from harken.api.live.wishes import TURN_FIELDS, refuse_unknown, turn_rule
from harken.errors import UnsupportedOption
from harken.live.settings import TurnRule

_RESPONSES = ("create_response", "interrupt_response")
"""Of sessions that answer; only "no" can be honoured."""


def read_turns(given: object, where: str, before: TurnRule | None) -> TurnRule | None:
    """Read it; None where the client commits by hand.

    Args:
        given: null or an object.
        where: its path, for errors.
        before: the rule so far.

    Raises:
        UnsupportedOption: what cannot be honoured; `field` is its path.
    """
    if given is None:
        return None
    if not isinstance(given, dict):
        raise _refused(where, "it must be an object or null.")
    refuse_unknown(given, ("type", *TURN_FIELDS, *_RESPONSES, "idle_timeout_ms", "eagerness"), f"{where}.")
    if given.get("type", "server_vad") != "server_vad":
        raise _refused(f"{where}.type", "turns are found by server_vad; or send null for turn_detection, and commit.")
    for name in _RESPONSES:
        if given.get(name):
            raise _refused(f"{where}.{name}", "a transcription session makes no responses.")
    for name in ("idle_timeout_ms", "eagerness"):
        if given.get(name) is not None:
            raise _refused(f"{where}.{name}", "server_vad of a transcription session does not have it.")
    for name in TURN_FIELDS:
        if isinstance(given.get(name), str):
            raise _refused(f"{where}.{name}", "it must be a number.")
    return turn_rule(given, f"{where}.", base=before)


def shown_turns(rule: TurnRule | None) -> Members | None:
    """Write it."""
    if rule is None:
        return None
    return {
        "type": "server_vad",
        "threshold": rule.threshold,
        "prefix_padding_ms": round(rule.prefix_padding_s * 1000),
        "silence_duration_ms": round(rule.silence_s * 1000),
    }


def _refused(where: str, why: str) -> UnsupportedOption:
    return UnsupportedOption(f"This {where} is not supported: {why}", field=where)
