"""Fakes for tests of Harken and of what is built on it: no torch, no time, no chance.

They are part of the package and tested like the rest of it.
"""

from harken.testing.aligner import FakeAligner, fake_words
from harken.testing.clock import FakeClock
from harken.testing.gate import Gate
from harken.testing.model import FakeModel, fake_text
from harken.testing.recognizer import MisbehavingRecognizer
from harken.testing.sounds import segment, silence, speech_like, tone
from harken.testing.spelling import hear, spell

__all__ = [
    "FakeAligner",
    "FakeClock",
    "FakeModel",
    "Gate",
    "MisbehavingRecognizer",
    "fake_text",
    "fake_words",
    "hear",
    "segment",
    "silence",
    "speech_like",
    "spell",
    "tone",
]
