"""What the two protocols let a client wish for, in the words of the session. Pure.

The protocols differ in names and nesting; bounds, defaults and what the served model can do are here, once. The
invariant: a wish is honoured, or refused by the name under which the client sent it.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from harken.api.served import check_word_times
from harken.errors import HarkenError, UnsupportedOption
from harken.languages import parse_language
from harken.live.settings import TurnRule
from harken.transcribe.context import context_of
from harken.types import ModelInfo, Options, Wish

TURN_FIELDS = ("threshold", "prefix_padding_ms", "silence_duration_ms")

_LONGEST_MS = 10_000.0


def turn_rule(given: Mapping[str, object], where: str = "", *, base: TurnRule | None = None) -> TurnRule:
    """Read how turns are found; what is not given stays as in `base`.

    Args:
        given: those of `TURN_FIELDS` that the client sent; None counts as not sent.
        where: what stands before their names, for errors.
        base: the rule so far.

    Raises:
        UnsupportedOption: a number out of its bounds.
    """
    before = base or TurnRule()

    def number(name: str, default: float, most: float) -> float:
        value = given.get(name)
        return default if value is None else _number(value, f"{where}{name}", most)

    return TurnRule(
        threshold=number("threshold", before.threshold, 1.0),
        prefix_padding_s=number("prefix_padding_ms", before.prefix_padding_s * 1000, _LONGEST_MS) / 1000,
        silence_s=number("silence_duration_ms", before.silence_s * 1000, _LONGEST_MS) / 1000,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Extras:
    """What is told of a text besides it.

    Attributes:
        words: the field by which the times of its words were asked for; "" where they were not.
        logprobs: the field by which the log-probabilities of its tokens were asked for.
    """

    words: str = ""
    logprobs: str = ""


def options_for(
    served: ModelInfo,
    *,
    language: str = "",
    prompt: str = "",
    keywords: Sequence[str] = (),
    where: str = "",
    extras: Extras | None = None,
) -> Options:
    """Say what the model is told.

    Args:
        served: the model.
        language: a name or a code; "" or "auto" to detect it.
        prompt: names and terms beforehand.
        keywords: more of them.
        where: what stands before the names of these fields, for errors.
        extras: what the texts are to bring.

    Raises:
        UnknownLanguage: the model does not know it.
        UnsupportedOption: too long, a model that cannot be told anything, or one that has no log-probabilities.
        NoWordTimes: there is no aligner, or it does not know the language.
    """
    try:
        options = Options(language=parse_language(language, served.languages), context=context_of(prompt, "", keywords))
    except HarkenError as error:
        error.field = f"{where}{error.field}"
        raise
    if options.context and Wish.CONTEXT in served.lacks:
        field = f"{where}{'prompt' if prompt else 'keywords'}"
        raise UnsupportedOption(
            f"This {field} is not supported: {served.name} cannot be told anything beforehand.", field=field
        )
    return _with_extras(options, extras or Extras(), served)


def _with_extras(options: Options, extras: Extras, served: ModelInfo) -> Options:
    if extras.words:
        check_word_times(served, options.language, extras.words)
    if extras.logprobs and Wish.LOGPROBS in served.lacks:
        why = f"{served.name} does not tell how sure it is of each token"
        raise UnsupportedOption(f"This {extras.logprobs} is not supported: {why}.", field=extras.logprobs)
    return replace(options, wants_words=bool(extras.words), wants_logprobs=bool(extras.logprobs))


def refuse_unknown(given: Collection[str], known: Sequence[str], where: str = "") -> None:
    """See that nothing was sent that does not exist.

    Raises:
        UnsupportedOption: something was; the message has the nearest that does.
    """
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name[:80], known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise UnsupportedOption(
                f"{where}{name[:80]} is not known{hint} Known are {', '.join(known)}.", field=f"{where}{name[:80]}"
            )


def _number(value: object, name: str, most: float) -> float:
    try:
        is_number = isinstance(value, int | float | str) and not isinstance(value, bool) and "_" not in str(value)
        number = float(value) if is_number else math.nan  # type: ignore[arg-type] # looked at above
    except (ValueError, OverflowError):
        number = math.nan
    if not 0.0 <= number <= most:
        raise UnsupportedOption(f"{name} must be a number from 0 to {most:g}, not {str(value)[:40]!r}.", field=name)
    return number
