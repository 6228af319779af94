"""What a client asks of a recording: the options of the recognition, and how the recording is cut.

Plain data, the same for a request and for a job; whoever reads forms or command lines makes one. It knows nothing of
where the recording comes from. The invariant: two equal asks over the same bytes name the same pieces.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harken.audio import CutRule, SpeechRule
from harken.types import Options


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What to do with one recording.

    Attributes:
        options: of every piece; the language may be a name or a code in any case, or "auto".
        cut: how the recording is cut; its longest piece gives way to the model's longest segment.
        speech: what counts as speech; None for the defaults.
        needs_logprobs: a text without the log-probabilities that `options` asks for is a failure.
    """

    options: Options = field(default_factory=Options)
    cut: CutRule = field(default_factory=CutRule)
    speech: SpeechRule | None = None
    needs_logprobs: bool = False
