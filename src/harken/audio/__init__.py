"""From uploaded bytes to pieces that fit the model: decode, resample, find speech, cut; all of it as a stream.

Everything here is CPU work without a model of speech: it runs in a gateway as well as in an instance, and never imports
torch. Importing this package is cheap: the decoding libraries and onnxruntime load when they are first needed.
"""

from harken.audio.cutting import CutRule
from harken.audio.decode import decode
from harken.audio.levels import frame_levels
from harken.audio.pieces import Piece
from harken.audio.reader import AudioReader
from harken.audio.recording import Audio, DecodeLimits, Source
from harken.audio.server_vad import server_vad_rules
from harken.audio.spans import SpeechRule
from harken.audio.stream import PieceStream
from harken.audio.upload import Upload
from harken.audio.voice_activity import SpeechDetector, load_detector

__all__ = [
    "Audio",
    "AudioReader",
    "CutRule",
    "DecodeLimits",
    "Piece",
    "PieceStream",
    "Source",
    "SpeechDetector",
    "SpeechRule",
    "Upload",
    "decode",
    "frame_levels",
    "load_detector",
    "server_vad_rules",
]
