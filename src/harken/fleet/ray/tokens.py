"""Whether a Ray cluster asks for a token, and showing it the one of this user.

Ray has a driver show a token only where RAY_AUTH_MODE says so: without, one that asks is tried for twenty seconds with
no word of tokens; with it, one that does not ask takes the driver, and its actors die. So the head is asked first, in
milliseconds. The invariants: what the user has set is never changed, only judged; no file is made.
"""

from __future__ import annotations

import importlib
import os
import secrets
from typing import Any

from harken.errors import SetupError

_MODE, _TOKEN, _PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
_WHERE = f"Ray looks for one in {_TOKEN}, in the file that {_PATH} names, and in ~/.ray/auth_token"


def agree(head: str) -> None:
    """Have this process show a token where a cluster asks for one, and none where it does not.

    Args:
        head: of the cluster, HOST:PORT; it can be reached.

    Raises:
        SetupError: it asks for a token, and there is none, or another; or the user wants one, and it asks for none.
    """
    wanted = os.environ.get(_MODE, "")
    if _lets_in(head, "disabled"):
        if wanted.lower() == "token":
            raise SetupError(
                f"{_MODE} is 'token', but the Ray cluster at {head} asks for no token: set it for the cluster's nodes "
                "too, or not at all."
            )
        return
    asks = f"The Ray cluster at {head} asks for a token"
    if wanted and wanted.lower() != "token":
        raise SetupError(f"{asks}, and {_MODE} is {wanted!r}: set it to 'token', or not at all.")
    if not _has_token():
        raise SetupError(f"{asks}, and there is none here. {_WHERE}; ray get-auth-token prints it where the head runs.")
    if not _lets_in(head, "token"):
        raise SetupError(f"{asks}, and the one that is here is another. {_WHERE}, in this order.")


def keep_token_to_ourselves() -> None:
    """Give a cluster of our own a token that nobody else has to know.

    Ray protects such a cluster by itself, but leaves its token in ~/.ray, and with that all later clusters of this user
    ask for one.
    """
    if not any(os.environ.get(name) for name in (_MODE, _TOKEN, _PATH)) and not _has_token():
        os.environ[_TOKEN] = secrets.token_hex(32)


def _has_token() -> bool:
    loader = _inside_ray().AuthenticationTokenLoader.instance()
    loader.reset_cache()
    return bool(loader.has_token(ignore_auth_mode=True))


def _lets_in(head: str, mode: str) -> bool:
    from ray.exceptions import AuthenticationError

    os.environ[_MODE] = mode
    inside = _inside_ray()
    inside.Config.initialize("")  # it has read the variable before
    try:
        inside.GcsClient(address=head)
    except AuthenticationError:
        return False
    return True


def _inside_ray() -> Any:
    """Where Ray's own `ray start` and `ray.init` ask the same; its types are not told."""
    return importlib.import_module("ray._raylet")
