"""Who may see inside the server on a page that is open to everybody.

The same people as may use `/admin` (a program on the server's own machine, behind no proxy, and an admin's key), and
everybody where no key is in use. The invariant: it refuses nobody and fails never; who is not known to be an insider is
an outsider.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import Scope

from harken.api.access import is_local, secret_of
from harken.errors import InvalidKey, StateUnavailable
from harken.keys import Admission


async def may_look_inside(scope: Scope, admission: Admission | None) -> bool:
    """Tell whether this request comes from an insider; only who brings a key may have to wait for the answer."""
    if admission is None or admission.ring.is_open or is_local(scope):
        return True
    try:
        secret = secret_of(Headers(scope=scope))
        key = None if secret is None else await admission.ring.find(secret)
    except (InvalidKey, StateUnavailable):
        return False
    return key is not None and key.is_admin
