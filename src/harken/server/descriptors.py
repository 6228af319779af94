"""How many files and sockets this process may have open.

Systems start processes with a low soft limit (1024 here, 256 there) for programs of the past that cannot count further,
and let each raise it. A server needs a descriptor for each connection and six for each instance, so ours do.
"""

from __future__ import annotations

import resource

ENOUGH = 1 << 20
"""More is not asked for: some systems say "unlimited" and mean less."""


def raise_descriptor_limit() -> int:
    """Raise the soft limit as far as the hard one (or `ENOUGH`) allows; return what it is then. Never lowers it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):
        # macOS has a lower limit than the one it tells. We go on with what we have.
        return soft
    return wanted
