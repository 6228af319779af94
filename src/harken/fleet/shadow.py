"""What a shadow sample says of a new model: segments that both models recognised, compared.

Pure. The old model's text is no truth, and a new model is there to say something else; so wording counts only where it
differs so much that one of the two cannot have listened. What does count is what nobody can want: failures, loops,
texts that reach their cap, silence where there was speech and speech where there was none, other languages, and a time
many times as long. The invariant: the old model, compared with itself, is good.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from harken.types import Finish
from harken.words import edits, words_of

_SPEECH_WORDS = 3
"""Words from which a text is taken for speech: on noise good models too now and then hear one or two ("Thank you.")."""

_WORDS_MIN = 20
"""Words of the old model below which a disagreement is chance."""

_TIMED_MIN = 5
"""Times below which a median is chance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What one model made of a segment.

    Attributes:
        text: the words.
        language: detected or forced; "" where nothing was spoken.
        finish: why it stopped.
        took_s: seconds; None where nobody measured.
        tokens: that it wrote.
    """

    text: str
    language: str
    finish: Finish = Finish.STOP
    took_s: float | None = None
    tokens: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A segment that the new model did not recognise, by the code of its error."""

    code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """One segment of the sample.

    Attributes:
        audio_s: its length in seconds.
        old: what the old model heard.
        new: what the new one heard.
        is_forced: the client named the language, so none was detected.
    """

    audio_s: float
    old: Heard
    new: Heard | Failure
    is_forced: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ShadowLimits:
    """What a new model may do; shares are of the whole sample: of fewer than 20 segments, 5 % is none.

    Attributes:
        failing: share that may fail. None: what the old model could do must be possible still.
        looping: share that may loop where the old one did not. One of twenty is what the guard mends every day.
        capped: share that may reach its token cap where the old one did not.
        silent: share in which nothing may be heard where the old one heard speech; and the reverse, counted apart.
        flipped: share in which another language may be detected; short clips leave a choice.
        disagreement: the part of all words that may differ. Good models differ in 5 to 15 % of the words, and through
            numbers, names and scripts (simplified or traditional) in up to a third; random weights in all.
        slowdown: by how much the median segment may be slower. Wide, because conditions differ: the old model was timed
            under load, the new one is cold and shares the machine with it. Traffic tells better (`traffic_watch`).
        slack_s: seconds added to both times before they are compared: who recognises in 20 ms may take 100.
    """

    failing: float = 0.0
    looping: float = 0.05
    capped: float = 0.05
    silent: float = 0.1
    flipped: float = 0.1
    disagreement: float = 0.5
    slowdown: float = 4.0
    slack_s: float = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class ShadowFigures:
    """The sample in numbers; no text, so they may be logged and shown.

    Attributes:
        segments: compared.
        audio_s: seconds of audio in them.
        failed: by code.
        loops: new ones that loop, where the old did not.
        caps: that reached the cap, where the old did not.
        silences: without a word where the old model heard at least three.
        inventions: with at least three words where the old model heard none.
        flips: of the detected language.
        words: of the old model, in segments where both heard some and ended by themselves.
        disagreement: the part of the words that differ; None where there are none.
        slowdown: median factor of time, new over old; None where nobody measured.
    """

    segments: int
    audio_s: float
    failed: Counter[str]
    loops: int
    caps: int
    silences: int
    inventions: int
    flips: int
    words: int
    disagreement: float | None
    slowdown: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ShadowVerdict:
    """Whether a new model may go on to traffic; `reason` says in one line what speaks against it, or how it did."""

    is_good: bool
    reason: str
    figures: ShadowFigures


def judge(pairs: Sequence[Pair], limits: ShadowLimits | None = None) -> ShadowVerdict:
    """Compare; a tenth of a second for a large sample, so not on an event loop."""
    limits = limits or ShadowLimits()
    figures = figures_of(pairs, slack_s=limits.slack_s)
    against = _against(figures, limits)
    return ShadowVerdict(is_good=not against, reason=" ".join(against) or _praise(figures), figures=figures)


def figures_of(pairs: Sequence[Pair], *, slack_s: float) -> ShadowFigures:
    """Count."""
    heard = [(pair, pair.old, pair.new) for pair in pairs if isinstance(pair.new, Heard)]
    ended = [(words_of(old.text), words_of(new.text)) for _, old, new in heard if _both_stopped(old, new)]
    spoken = [(old, new) for old, new in ended if old and new]  # silences are counted as such, and not as words too
    longest = sum(max(len(old), len(new)) for old, new in spoken)
    ratios = [
        (new.took_s + slack_s) / (old.took_s + slack_s)
        for _, old, new in heard
        if old.took_s is not None and new.took_s is not None
    ]
    return ShadowFigures(
        segments=len(pairs),
        audio_s=sum(pair.audio_s for pair in pairs),
        failed=Counter(pair.new.code for pair in pairs if isinstance(pair.new, Failure)),
        loops=sum(new.finish is Finish.LOOP and old.finish is not Finish.LOOP for _, old, new in heard),
        caps=sum(new.finish is Finish.LENGTH and old.finish is not Finish.LENGTH for _, old, new in heard),
        silences=sum(not new and len(old) >= _SPEECH_WORDS for old, new in ended),
        inventions=sum(not old and len(new) >= _SPEECH_WORDS for old, new in ended),
        flips=sum(_has_flipped(old, new) and not pair.is_forced for pair, old, new in heard),
        words=sum(len(old) for old, _ in spoken),
        disagreement=sum(edits(old, new) for old, new in spoken) / longest if longest else None,
        slowdown=statistics.median(ratios) if len(ratios) >= _TIMED_MIN else None,
    )


def _both_stopped(old: Heard, new: Heard) -> bool:
    return old.finish is Finish.STOP and new.finish is Finish.STOP


def _has_flipped(old: Heard, new: Heard) -> bool:
    return bool(old.language and new.language) and old.language != new.language


def _against(figures: ShadowFigures, limits: ShadowLimits) -> list[str]:
    """What is beyond its limit, the gravest first."""
    if not figures.segments:
        return ["There was nothing to compare."]
    of = f"of {figures.segments}"
    failed = sum(figures.failed.values())
    codes = ", ".join(f"{code} {count}" for code, count in figures.failed.most_common(5))
    counts = (
        (failed, limits.failing, f"{failed} {of} failed ({codes})."),
        (figures.loops, limits.looping, f"{figures.loops} {of} ended in a loop."),
        (figures.caps, limits.capped, f"{figures.caps} {of} reached their token cap."),
        (figures.silences, limits.silent, f"In {figures.silences} {of} nothing was heard where there is speech."),
        (figures.inventions, limits.silent, f"In {figures.inventions} {of} speech was heard where there is none."),
        (figures.flips, limits.flipped, f"In {figures.flips} {of} another language was detected."),
    )
    said = [sentence for count, share, sentence in counts if count > share * figures.segments]
    differing, slower = figures.disagreement, figures.slowdown
    if differing is not None and figures.words >= _WORDS_MIN and differing > limits.disagreement:
        said.append(f"{differing:.0%} of the words differ.")
    if slower is not None and slower > limits.slowdown:
        said.append(f"It is {slower:.1f} times slower.")
    return said


def _praise(figures: ShadowFigures) -> str:
    differing = "" if figures.disagreement is None else f", {figures.disagreement:.0%} of the words differ"
    pace = "" if figures.slowdown is None else f", {figures.slowdown:.1f} times the old one's time"
    return f"{figures.segments} segments compared{differing}{pace}."
