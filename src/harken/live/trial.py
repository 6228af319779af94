"""Has the model try what it is to be told beforehand, before anybody speaks.

Only the model knows how much of a prompt it can take; what it cannot take, it would refuse with every turn. It has to
fit beside the longest segment, so the trial is one, without a sound; where there is a cache, the same prompt is tried
once. The invariant: a trial that says nothing, because nobody is there to try it, keeps nobody out.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

import numpy as np

from harken.errors import ClientError, HarkenError
from harken.log import get_log
from harken.types import SAMPLE_RATE, Options, Recognizer, Requester, Segment

_TRIAL_S: Final = 5.0
"""Who speaks does not wait longer; a prompt that cannot be taken fails with its turns then."""

_log = get_log("live.trial")


async def try_context(
    recognizer: Recognizer, options: Options, longest_s: float, *, requester: Requester, request_id: str
) -> None:
    """Try a context, if there is one.

    Args:
        recognizer: of final texts.
        options: with it.
        longest_s: the longest segment, in seconds.
        requester: who speaks.
        request_id: of the request that brought it.

    Raises:
        ClientError: the model cannot take it; `field` is "prompt".
    """
    if not options.context:
        return
    plain = replace(options, wants_words=False, wants_logprobs=False)
    silence = np.zeros(round(longest_s * SAMPLE_RATE), np.float32)
    try:
        async with asyncio.timeout(_TRIAL_S):
            await recognizer.recognize(
                Segment(samples=silence, request_id=f"{request_id}-0", requester=requester), plain
            )
    except ClientError as error:
        error.field = "prompt"
        raise
    except (HarkenError, TimeoutError) as error:
        _log.info("live.not_tried", request_id=request_id, reason=str(error) or "it took too long")
