"""A text message as a JSON object. Pure."""

from __future__ import annotations

import json
from typing import Any

from harken.errors import ClientError


def object_of(text: str) -> dict[str, Any]:
    """Read a message.

    Raises:
        ClientError: it is no JSON object, or holds text that cannot be written as UTF-8 (half of a surrogate pair).
    """
    try:
        members = json.loads(text)
        if "\\u" in text:  # only an escape can bring one in, and audio has none
            json.dumps(members, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ClientError("The message is not JSON that can be read.") from error
    if not isinstance(members, dict):
        raise ClientError("A message is a JSON object.")
    return members
