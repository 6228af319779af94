"""Asking the system's resolver for the addresses of a name, beside the event loop.

The resolver, not a DNS client of our own: then names mean here what they mean to every other program of this machine
(search domains, /etc/hosts, the cluster's own server). It says nothing of how long an answer holds, so whoever asks
asks again. The invariant: a name without addresses is an answer; a resolver that cannot tell is an error.
"""

from __future__ import annotations

import socket
from functools import partial

from harken.server.loading import in_daemon_thread

_NOBODY = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


async def addresses_of(host: str) -> frozenset[str]:
    """Tell the addresses of a name, IPv4 and IPv6; none where there is no such name, or it has none.

    Raises:
        OSError: the resolver cannot tell now.
    """
    try:
        # A resolver may hang for many seconds; a thread that is waited for would hold up our leaving.
        found = await in_daemon_thread(partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM))
    except socket.gaierror as error:
        if error.errno in _NOBODY:
            return frozenset()
        raise
    return frozenset(str(place[0]) for *_, place in found)
