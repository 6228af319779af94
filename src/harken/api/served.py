"""Which names for the served model a request may use, and whether that model can time words. Pure.

One server serves one model. A request may name it fully, by the last part of its name, or as "whisper-1", which
clients written for OpenAI often have built in; or not at all.
"""

from __future__ import annotations

from harken.errors import ModelNotFound, NoWordTimes
from harken.types import ModelInfo

ALIAS = "whisper-1"


def check_model(name: str, served: ModelInfo) -> None:
    """Accept "", the served name, its last part, and "whisper-1".

    Raises:
        ModelNotFound: another name; the message says what is served.
    """
    if name not in ("", served.name, served.name.rpartition("/")[2], ALIAS):
        raise ModelNotFound(f"Model {name[:80]!r} is not served here; {served.name!r} is.", field="model")


def check_word_times(served: ModelInfo, language: str | None, field: str) -> None:
    """See that words can be timed.

    Args:
        served: the model.
        language: that is forced; None where the model finds it.
        field: by which they were asked for.

    Raises:
        NoWordTimes: they cannot; the message says why.
    """
    if can_time_words(served, language):
        return
    why = "no aligner is loaded" if served.aligner is None else f"the aligner does not know {language}"
    raise NoWordTimes(f"Word times are not available here: {why}.", field=field)


def can_time_words(served: ModelInfo, language: str | None) -> bool:
    """Whether an aligner is loaded, and knows the language, where one is forced."""
    return served.aligner is not None and (language is None or language in served.aligner.languages)
