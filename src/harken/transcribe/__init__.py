"""A recording's way through the recognizer: decode, cut at pauses, recognise in parallel, repair, stitch.

Knows `Recognizer` only as an interface: the same code runs over an engine and over a dispatcher. It never imports
torch, and it knows nothing of HTTP. The invariant: a recording gives one whole result or raises one `HarkenError`;
no part of it is dropped in silence.
"""

from harken.transcribe.ask import Ask
from harken.transcribe.memory import Memory, NoMemory
from harken.transcribe.result import Flag, PlacedTranscript, RecordingTranscript, Repair, RepairKind
from harken.transcribe.watch import NoWatch, Watch

__all__ = [
    "Ask",
    "Flag",
    "Memory",
    "NoMemory",
    "NoWatch",
    "PlacedTranscript",
    "RecordingTranscript",
    "Repair",
    "RepairKind",
    "Watch",
]
