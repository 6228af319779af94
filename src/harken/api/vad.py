"""`chunking_strategy`: how a client wants its recording cut. Pure.

`auto`, and nothing at all, leave the cutting to Harken. `server_vad` with its three numbers cuts at each pause that is
long enough. OpenAI's SDKs send the object as `chunking_strategy[type]` and so on, curl users as JSON; both are read. A
member that does not exist, or a number that makes no sense, is an error.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from harken.api.values import Values, unknown_field, values_of_json
from harken.errors import UnsupportedOption

FIELD = "chunking_strategy"

MEMBERS = ("type", "threshold", "prefix_padding_ms", "silence_duration_ms")

_LONGEST_MS = 10_000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerVad:
    """OpenAI's voice-activity options, with OpenAI's defaults.

    Attributes:
        threshold: probability from which a sound counts as speech, in [0, 1].
        prefix_padding_s: sound that is kept before speech, in seconds.
        silence_s: a pause of this length ends a segment, in seconds.
    """

    threshold: float = 0.5
    prefix_padding_s: float = 0.3
    silence_s: float = 0.2


def read_chunking(values: Values) -> ServerVad | None:
    """Understand the field; None for `auto` and for nothing.

    Raises:
        UnsupportedOption: another strategy, another member, a number out of its bounds.
    """
    members, whole = values.nested(FIELD), values.one(FIELD)
    if not members:
        if whole in ("", "auto"):
            return None
        members = _members(whole)
    unknown = [name for name in members if name not in MEMBERS]
    if unknown:
        raise unknown_field(f"{FIELD}[{unknown[0]}]", [f"{FIELD}[{name}]" for name in MEMBERS])
    if members.get("type") != "server_vad":
        raise _refused("its type must be server_vad; for auto, send auto alone.")
    default = ServerVad()
    return ServerVad(
        threshold=_number(members, "threshold", default.threshold, 1.0),
        prefix_padding_s=_number(members, "prefix_padding_ms", default.prefix_padding_s * 1000, _LONGEST_MS) / 1000,
        silence_s=_number(members, "silence_duration_ms", default.silence_s * 1000, _LONGEST_MS) / 1000,
    )


def _members(whole: str) -> dict[str, str]:
    try:
        fields = json.loads(whole)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise _refused('send auto, or a JSON object like {"type": "server_vad", "threshold": 0.5}.')
    return {name: texts[-1] for name, texts in values_of_json(fields).items()}


def _number(members: dict[str, str], name: str, default: float, most: float) -> float:
    text = members.get(name, "")
    try:
        number = float(text) if text else default
    except ValueError:
        number = math.nan
    if not 0.0 <= number <= most:
        raise _refused(f"{name} must be a number from 0 to {most:g}, not {text[:40]!r}.")
    return number


def _refused(why: str) -> UnsupportedOption:
    return UnsupportedOption(f"This {FIELD} is not supported: {why}", field=FIELD)
