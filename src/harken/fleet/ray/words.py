"""What a bridge, and Ray inside it, said last. Pure.

Ray writes its log among the sentences of others; of a line of it, only what it says is of use to people. The invariant:
what is found is one line, of at most 400 characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harken.fleet.output import last_words

MOST_CHARS = 400

_LOG_HEAD = re.compile(r"\[[\d-]+ [\d:,]+ [A-Z] \d+ \d+\]\s*(\([a-z_]+\)\s*)?[\w.]+:\d+:\s*")
"""Such as "[2026-11-30 12:59:43,195 E 2374 2400] rpc_client.h:204: "."""


def bridge_said(lines: Sequence[str]) -> str:
    """Find what it said about its end; "" where it said nothing."""
    said = last_words([line for line in lines if "[state-dump]" not in line])
    return _LOG_HEAD.sub("", said, count=1)[:MOST_CHARS]
