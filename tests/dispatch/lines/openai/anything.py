"""What a server may send: any JSON at all, with the names in it that a reader looks for, so that it is looked at."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

HALVES = st.text("a\\\ud83d\ude00", max_size=5)
"""Text with halves of characters."""

NAMES = (
    "avg_logprob", "bytes", "choices", "code", "content", "data", "delta", "detail", "end", "error", "finish_reason",
    "id", "instances", "language", "languages", "logprob", "logprobs", "max_segment_s", "message", "name",
    "no_speech_prob", "output_tokens", "owned_by", "aligner", "param", "queued_audio_s", "revision", "segments",
    "slots", "start", "state", "status", "text", "token", "type", "usage", "warnings", "word", "words",
)  # fmt: skip

WORDS = (
    "English", "en", "draining", "harken", "healthy", "language", "language English<asr_text>", "length",
    "loop_unresolved", "ready", "stop", "error", "transcript.text.delta", "transcript.text.done",
)  # fmt: skip

VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from((10**400, -(10**400), 1e308, -1e308, 5e-324))
    | st.floats()
    | st.text(max_size=5)
    | HALVES
    | st.sampled_from(WORDS)
)

JSON = st.recursive(
    VALUES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=6,
)

OBJECTS = st.dictionaries(st.sampled_from(NAMES) | HALVES, JSON, max_size=5)


def entries(*names: str) -> st.SearchStrategy[Any]:
    """A list whose entries have these names, with anything behind them; or no such list."""
    return st.lists(st.fixed_dictionaries(dict.fromkeys(names, JSON)), max_size=2) | JSON


ANSWERS = st.fixed_dictionaries(
    {"text": st.text(max_size=8) | JSON},
    optional={
        "finish_reason": JSON,
        "language": JSON,
        "languages": entries("name"),
        "logprobs": entries("token", "logprob", "bytes"),
        "segments": entries("avg_logprob", "no_speech_prob", "start", "end"),
        "usage": st.fixed_dictionaries({"output_tokens": JSON}) | JSON,
        "warnings": entries("code"),
        "words": entries("word", "start", "end"),
    },
)
"""Answers that have the shape of one, but for what stands in it."""
