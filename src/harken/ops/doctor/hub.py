"""The hub: whether it answers, and knows the weights that are missing.

One HEAD for each name, with a short time-out, by the proxies of the environment. Where nothing is missing nobody is
asked. It sends no token to anybody but the hub itself, and shows none.
"""

from __future__ import annotations

import base64
import http.client
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence

from harken.ops.address import without_user
from harken.ops.doctor.facts import Hub

DEFAULT_ENDPOINT = "https://huggingface.co"

ANSWER_TIMEOUT_S = 3.0

_TRUE = ("1", "on", "yes", "true")


def look_at_hub(names: Sequence[str], env: Mapping[str, str] = os.environ) -> Hub:
    """Ask the hub for each name; blocks.

    Args:
        names: of what is missing, as owner/name.
        env: for HF_ENDPOINT, HF_HUB_OFFLINE and HF_TOKEN.
    """
    written = env.get("HF_ENDPOINT", "").rstrip("/") or DEFAULT_ENDPOINT
    endpoint = without_user(written)
    if not _is_web(written):
        shown = written.rpartition("@")[2]
        return Hub(endpoint=shown, statuses=dict.fromkeys(names, 0), problem="HF_ENDPOINT is no http(s) URL")
    if env.get("HF_HUB_OFFLINE", "").lower() in _TRUE:
        return Hub(endpoint=endpoint, is_offline=True)
    allowed = _authorization(written, env.get("HF_TOKEN", ""))
    statuses: dict[str, int] = {}
    problem = ""
    for name in names:
        statuses[name], why = _ask(f"{endpoint}/api/models/{urllib.parse.quote(name)}", allowed)
        problem = problem or why
    return Hub(endpoint=endpoint, statuses=statuses, problem=problem)


def _is_web(endpoint: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(endpoint)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _authorization(endpoint: str, token: str) -> str:
    """What the hub lets us in by: the token, else who is named in the mirror's URL; "" for nothing."""
    parts = urllib.parse.urlsplit(endpoint)
    if token or parts.username is None:
        return f"Bearer {token}" if token else ""
    user = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(user.encode()).decode()}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer too, and a token is not to follow it."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _ask(url: str, authorization: str) -> tuple[int, str]:
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - http or https, see above
    if authorization:
        request.add_unredirected_header("Authorization", authorization)
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=ANSWER_TIMEOUT_S) as answer:
            return int(answer.status), ""
    except urllib.error.HTTPError as error:
        return error.code, ""
    except urllib.error.URLError as error:
        return 0, str(error.reason)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return 0, str(error) or type(error).__name__
