"""From scores to tokens: the likeliest, or as each segment asked, all in one batch.

Owns the arithmetic of penalty, temperature and log-probabilities. The scores stay where they were computed; only ids
and what was asked for leave the device, and a batch in which nobody asks for anything costs one argmax. The
invariant: a row's token depends on that row and its choice alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from harken.choice import NO_TOKEN, Choice, Chosen, Note


class Chooser:
    """Chooses the next token of every row.

    Args:
        mark: the token between header and text.
        none: the tokens of "language None", with which an answer says that nothing is spoken.
    """

    def __init__(self, *, mark: int, none: Sequence[int]) -> None:
        self._mark = mark
        self._none = tuple(none)

    @torch.inference_mode()
    def choose(self, scores: Tensor, choices: Sequence[Choice | None]) -> Chosen:
        """Choose one token per row.

        Args:
            scores: [batch, vocabulary], of any float type.
            choices: one per row, None where the likeliest token is wanted and nothing else; or none at all.
        """
        highest, likeliest = scores.max(-1)
        # A NaN anywhere in a row is its highest; the row then says nothing, and its neighbours are as good as ever.
        likeliest = likeliest.where(highest.isfinite(), NO_TOKEN)
        asking = [(row, choice) for row, choice in enumerate(choices) if choice is not None]
        if not asking:
            return Chosen(tokens=likeliest.tolist())
        asked = [choice for _, choice in asking]
        plain = scores[[row for row, _ in asking]].float()
        tokens: list[int] = likeliest.tolist()
        for (row, _), token in zip(asking, self._tokens(plain, likeliest[[r for r, _ in asking]], asked), strict=True):
            if tokens[row] != NO_TOKEN:
                tokens[row] = token
        notes = self._notes(plain, [max(tokens[row], 0) for row, _ in asking], asked)
        return Chosen(tokens=tokens, notes={asking[place][0]: note for place, note in notes.items()})

    def _tokens(self, plain: Tensor, likeliest: Tensor, choices: Sequence[Choice]) -> list[int]:
        """Choose for rows that ask for something; `plain` [rows, vocabulary] float32 is left as it is."""
        if all(choice.manner.penalty == 1 and choice.manner.temperature == 0 for choice in choices):
            whole: list[int] = likeliest.tolist()
            return whole
        wanted = plain.clone()
        for row, choice in enumerate(choices):
            if written := self._text(choice):
                wanted[row] = penalised(wanted[row], written, choice.manner.penalty)
        best = wanted.argmax(-1)
        if drawing := [row for row, choice in enumerate(choices) if choice.manner.temperature > 0]:
            best[drawing] = drawn(wanted[drawing], [choices[row] for row in drawing])
        ids: list[int] = best.tolist()
        return ids

    def _text(self, choice: Choice) -> list[int]:
        """The tokens that a penalty is for: those of the text, each once; stop tokens are never among them."""
        if choice.manner.penalty == 1:
            return []
        written = choice.written
        if self._mark in written:
            return sorted(set(written[written.index(self._mark) + 1 :]))
        return sorted(set(written)) if choice.manner.is_forced else []

    def _notes(self, plain: Tensor, tokens: Sequence[int], choices: Sequence[Choice]) -> dict[int, Note]:
        wanting = [row for row, choice in enumerate(choices) if choice.manner.wants_logprobs]
        if not wanting:
            return {}
        asides = [self._towards_none(choices[row]) for row in wanting]
        ids = torch.tensor([(tokens[row], aside or 0) for row, aside in zip(wanting, asides, strict=True)])
        rows = plain[wanting]
        found = rows.gather(-1, ids.to(plain.device)) - rows.logsumexp(-1, keepdim=True)
        return {
            row: Note(logprob=logprob, no_speech=None if aside is None else math.exp(towards))
            for row, aside, (logprob, towards) in zip(wanting, asides, found.tolist(), strict=True)
        }

    def _towards_none(self, choice: Choice) -> int | None:
        """The token that leads on to "language None"; None where that is not, or no longer, in question."""
        place = len(choice.written)
        is_open = place < len(self._none) and choice.written == self._none[:place]
        return self._none[place] if is_open and not choice.manner.is_forced else None


def penalised(scores: Tensor, written: Sequence[int], penalty: float) -> Tensor:
    """Make written tokens less likely: positive scores are divided by the penalty, negative ones multiplied.

    So in Keskar et al. (2019), CTRL, section 4.1, and in transformers' RepetitionPenaltyLogitsProcessor.

    Args:
        scores: [vocabulary] float32.
        written: ids, each once.
        penalty: above 1.
    """
    ids = torch.tensor(written, device=scores.device)
    found = scores[ids]
    return scores.scatter(0, ids, torch.where(found > 0, found / penalty, found * penalty))


def drawn(scores: Tensor, choices: Sequence[Choice]) -> Tensor:
    """Draw one token per row by its temperature: the first at which the summed probability reaches the row's draw.

    Args:
        scores: [rows, vocabulary] float32.
        choices: one per row, with a temperature above 0.

    Returns:
        [rows] int64.
    """
    heat = torch.tensor([[choice.manner.temperature] for choice in choices], device=scores.device)
    draws = torch.tensor([[choice.draw] for choice in choices], device=scores.device)
    # The highest is taken away first: with a temperature near 0 the quotients would not be finite.
    summed = ((scores - scores.amax(-1, keepdim=True)) / heat).softmax(-1).cumsum(-1)
    return torch.searchsorted(summed, draws * summed[:, -1:])[:, 0]
