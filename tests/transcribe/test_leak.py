"""The context that comes back is told from speech."""

from __future__ import annotations

import pytest

from harken.transcribe.leak import is_leak, is_run_of

CONTEXT = "A talk about Kubernetes.\nHarken, Qwen, 通义千问, O'Brien"


@pytest.mark.parametrize(
    ("text", "is_run"),
    [
        ("kubernetes", True),
        ("Kubernetes. Harken", True),
        ("harken qwen", True),
        ("qwen harken", False),
        ("千问", True),
        ("通千", False),
        ("OBrien!", True),
        ("Kubernetes is great", False),
        ("Kuber", False),
        ("", False),
        ("...", False),
    ],
)
def test_a_leak_is_a_run_of_the_contexts_words(text: str, is_run: bool) -> None:
    """Case, marks and line ends do not count; order does; a part of a word is not a word."""
    assert is_run_of(text, CONTEXT) is is_run


def test_a_hot_word_that_is_clearly_spoken_is_no_leak() -> None:
    """Only where hardly any speech was heard, or where nobody could have said so much, the context is not believed."""
    assert not is_leak("Kubernetes", CONTEXT, speech_prob=0.9, audio_s=0.8)
    assert is_leak("Kubernetes", CONTEXT, speech_prob=0.3, audio_s=0.8)
    assert is_leak("A talk about Kubernetes. Harken, Qwen", CONTEXT, speech_prob=0.9, audio_s=0.3)
    assert not is_leak("Hello there", CONTEXT, speech_prob=0.1, audio_s=0.8)
