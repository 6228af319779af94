"""Addresses as they may be shown: a person may have written a password into one.

Pure. It knows no scheme and refuses nothing. The invariant: who stands before the host of an address that can be read
is not in what it returns, wherever in a text the address stands.
"""

from __future__ import annotations

import re

_USER = re.compile(r"//[^/?#\s]*@")


def without_user(text: str) -> str:
    """Return an address, or a text that has some in it, without users and passwords.

    Args:
        text: such as "http://me:secret@host:7860/health", which becomes "http://host:7860/health".
    """
    return _USER.sub("//", text)
