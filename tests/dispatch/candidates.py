"""What a target shows to a policy, without a target."""

from __future__ import annotations

from dataclasses import dataclass

from harken.dispatch.targets.choice import Policy


@dataclass(eq=False, kw_only=True)
class Shown:
    """A candidate that shows whatever a test wants."""

    name: str = ""
    free_slots: int = 1
    load: int = 0
    slowness: float = 1.0
    audio_left_s: float = 0.0
    weight: float = 1.0
    turn: int = 0
    batches: bool = True


def told(policy: Policy[Shown], *candidates: Shown) -> Policy[Shown]:
    """The policy, once it knows these."""
    for candidate in candidates:
        policy.update(candidate)
    return policy


class Fleet:
    """Candidates with bookkeeping, as a pool does it: a choice occupies a slot and is updated.

    Args:
        policy: chooses.
        candidates: from which.
    """

    def __init__(self, policy: Policy[Shown], *candidates: Shown) -> None:
        self.policy = told(policy, *candidates)
        self.candidates = list(candidates)
        self._turn = 0

    def take(self, chosen: Shown, audio_s: float = 1.0) -> None:
        """Occupy a slot."""
        self._turn += 1
        chosen.turn = self._turn
        chosen.free_slots -= 1
        chosen.load += 1
        chosen.audio_left_s += audio_s
        self.policy.update(chosen)

    def free(self, chosen: Shown, audio_s: float = 1.0) -> None:
        """Give a slot back."""
        chosen.free_slots += 1
        chosen.load -= 1
        chosen.audio_left_s -= audio_s
        self.policy.update(chosen)
