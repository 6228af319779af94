"""Which requests have an account, and where it is found on their way through the API."""

from __future__ import annotations

from starlette.types import Scope

from harken.account import Account
from harken.api.access import SOCKETS
from harken.errors import HarkenError

_ROUTES = ("/asr", "/v1/audio/transcriptions")


def wants_account(scope: Scope) -> bool:
    """Whether a request has a recording transcribed, now, or is somebody who will speak."""
    if scope["type"] == "websocket":
        return scope["path"] in SOCKETS
    return scope["method"] == "POST" and scope["path"] in _ROUTES


def account_of(scope: Scope) -> Account | None:
    """The account of a request that has one."""
    account = scope.get("state", {}).get("account")
    return account if isinstance(account, Account) else None


def note_failure(scope: Scope, error: HarkenError) -> None:
    """Note how a request fails, if anybody keeps account of it."""
    account = account_of(scope)
    if account is not None:
        account.fail(error)
