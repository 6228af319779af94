"""What one gateway may use of an instance that others use too.

Pure. What nobody uses is anybody's: alone, a gateway has all of it, and what the others leave otherwise. But whoever
comes while the others have everything would wait for ever, for each slot that ends is taken again by whoever hears of
it first, its owner. So each may have its share in any case: the instance has more than it runs for a moment, lets the
surplus wait, and the others, who are told of it, take back no more than is left to them. Shares are rounded up: rounded
down, four slots are three shares of one and a fourth slot that stays with whoever has it, and the queues of the others
move half as fast. Invariant: a gateway that is alone sees its whole limit, and none ever sees less than one.
"""

from __future__ import annotations

from harken.wire import Crowd


def ours_of(limit: int, crowd: Crowd) -> int:
    """How many segments of ours there may be.

    Args:
        limit: how many the instance should have at once.
        crowd: who else there is.
    """
    return max(limit - crowd.others, -(-limit // crowd.gateways)) if crowd.others else limit
