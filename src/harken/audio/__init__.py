"""From uploaded bytes to segments: decode, resample, find speech, cut.

Everything here is CPU work without a model of speech: it runs in a gateway as well as in an instance, and never imports
torch. Importing this package is cheap: the decoding libraries and onnxruntime load when they are first needed.
"""

from harken.audio.cutting import Cut, CutRule, cut, frame_levels
from harken.audio.decode import decode
from harken.audio.pieces import Piece
from harken.audio.reader import AudioReader
from harken.audio.recording import Audio, DecodeLimits, Source
from harken.audio.server_vad import server_vad_rules
from harken.audio.stream import PieceStream
from harken.audio.upload import Upload
from harken.audio.voice_activity import Span, SpeechDetector, SpeechRule, load_detector, speech_spans

__all__ = [
    "Audio",
    "AudioReader",
    "Cut",
    "CutRule",
    "DecodeLimits",
    "Piece",
    "PieceStream",
    "Source",
    "Span",
    "SpeechDetector",
    "SpeechRule",
    "Upload",
    "cut",
    "decode",
    "frame_levels",
    "load_detector",
    "server_vad_rules",
    "speech_spans",
]
