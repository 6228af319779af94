"""What an engine of somebody else's looks like to Harken: all that its author imports.

An engine is an object with an `info` and a blocking `recognize`, made by a factory that a distribution names in the
entry-point group `harken.engines`. Harken calls it in threads and does the rest: bounds, queue, cancelling, the watch
over a call that hangs, proof at the start, the HTTP API, the gateway. docs/engines.md shows one in whole. Here is data
and one protocol; neither torch nor any engine is imported.
"""

from harken.errors import ConfigError
from harken.plugin.engine import EngineInfo, Factory, Heard, Proof, Report, Setup, SpeechEngine, Unwanted
from harken.types import SAMPLE_RATE, Options, TokenLogprob, Wish, Word

__all__ = [
    "SAMPLE_RATE",
    "ConfigError",
    "EngineInfo",
    "Factory",
    "Heard",
    "Options",
    "Proof",
    "Report",
    "Setup",
    "SpeechEngine",
    "TokenLogprob",
    "Unwanted",
    "Wish",
    "Word",
]
