"""Having a wish made by the server, and saying how it went.

The server goes on with it whatever becomes of us. The invariant: what went wrong is said in its own words.
"""

from __future__ import annotations

from urllib.parse import quote

import aiohttp

from harken.cli.client import ServerRefused, call
from harken.cli.top_wish import Wish
from harken.errors import HarkenError

_PATIENCE_S = 3600.0
"""A drain waits for whatever an instance has."""


async def carry_out(session: aiohttp.ClientSession, server: str, wish: Wish) -> str:
    """Have it made, and return the sentence that tells how it went."""
    try:
        if wish.kind == "scale":
            url, body = f"{server}/admin/scale", {"count": wish.count}
            answer = await call(session, "POST", url, timeout_s=_PATIENCE_S, json=body)
        else:
            url = f"{server}/admin/instances/{quote(wish.name, safe='')}/{wish.kind}"
            answer = await call(session, "POST", url, timeout_s=_PATIENCE_S)
        done = answer.checked().body
    except ServerRefused as error:
        key = " Give an admin's: --api-key, or HARKEN_API_KEY." if error.answered in (401, 403) else ""
        return f"{wish.failed} {error.message}{key}"
    except HarkenError as error:
        return f"{wish.failed} {error.message}"
    if done.get("is_remembered") is False:
        return f"{wish.done} The gateway could not write that down: after its restart it will not count."
    return wish.done
