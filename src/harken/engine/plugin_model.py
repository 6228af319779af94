"""What a server says of the model of an engine of another package, and which wishes it therefore refuses. Pure."""

from __future__ import annotations

from harken.errors import NoWordTimes, UnsupportedOption
from harken.plugin import EngineInfo, Wish
from harken.prefix import refuse_a_prefix_without_language
from harken.types import AlignerInfo, ModelInfo, Options


def model_of(info: EngineInfo, *, slots: int, times_words: bool) -> ModelInfo:
    """What a server may say about an engine's model."""
    words = AlignerInfo(name=f"{info.name} (words)", revision=info.revision, languages=info.languages)
    return ModelInfo(
        name=info.name,
        revision=info.revision,
        max_segment_s=info.max_segment_s,
        languages=info.languages,
        slots=slots,
        aligner=words if times_words else None,
        batches=slots > 1,
        lacks=tuple(wish for wish in Wish if wish not in info.honours),
    )


def refuse_what_it_lacks(options: Options, model: ModelInfo) -> None:
    """Refuse wishes that the model cannot fulfil; whoever comes over the wire was not asked before.

    Raises:
        UnsupportedOption: context, temperature or a prefix. (Without log-probabilities an answer just has none.)
        NoWordTimes: times of words.
    """
    refuse_a_prefix_without_language(options)
    if options.prefix and Wish.PREFIX in model.lacks:
        raise UnsupportedOption(f"{model.name} cannot go on behind a text: leave the prefix out.")
    if options.context and Wish.CONTEXT in model.lacks:
        raise UnsupportedOption(f"{model.name} cannot be told anything beforehand: leave the prompt and keywords out.")
    if options.temperature > 0 and Wish.TEMPERATURE in model.lacks:
        raise UnsupportedOption(f"{model.name} has no temperature: it always answers the same; leave it out.")
    if options.wants_words and model.aligner is None:
        raise NoWordTimes(f"Word times are not available here: {model.name} does not tell them.")
