"""How wrong an answer is: errors in words and in characters, against what is said in the recording. Pure.

Both texts are read by `harken.words`, the one normalisation of the project; words are aligned by jiwer, the usual tool,
so that rates can be held against those of others. Characters are those of the words without the spaces between, since
scripts without spaces have none. The invariant: counts add up, so the rate of many recordings is the sum of their
errors over the sum of their words, in which a long recording counts for what it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.words import words_of

_WORDS_MAX = 200_000
"""Of a text: a day of speech."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextErrors:
    """Of one answer.

    Attributes:
        words: in the reference.
        substitutions: words that are others.
        deletions: words that are missing.
        insertions: words too many.
        characters: in the reference.
        character_errors: characters to change, drop or add.
    """

    words: int
    substitutions: int
    deletions: int
    insertions: int
    characters: int
    character_errors: int

    @property
    def word_errors(self) -> int:
        """Words to change, drop or add."""
        return self.substitutions + self.deletions + self.insertions


def errors_of(reference: str, heard: str) -> TextErrors:
    """Compare an answer with what is said.

    Args:
        reference: what is said; "" for nothing.
        heard: what was recognised.
    """
    import jiwer

    wanted, got = words_of(reference, _WORDS_MAX), words_of(heard, _WORDS_MAX)
    letters = len("".join(wanted))
    if not wanted or not got or wanted == got:  # jiwer knows no text without words
        return TextErrors(
            words=len(wanted),
            substitutions=0,
            deletions=len(wanted) if not got else 0,
            insertions=len(got) if not wanted else 0,
            characters=letters,
            character_errors=0 if wanted == got else letters + len("".join(got)),
        )
    by_words = jiwer.process_words(" ".join(wanted), " ".join(got))
    by_characters = jiwer.process_characters("".join(wanted), "".join(got))
    return TextErrors(
        words=len(wanted),
        substitutions=by_words.substitutions,
        deletions=by_words.deletions,
        insertions=by_words.insertions,
        characters=letters,
        character_errors=by_characters.substitutions + by_characters.deletions + by_characters.insertions,
    )
