"""How a webhook proves that it comes from this server: the signature of the Standard Webhooks specification.

Pure. Signed is "id.timestamp.body" with HMAC-SHA-256; the receiver computes the same with the secret that both know,
refuses old timestamps, and remembers ids, because a message may come twice.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"

RETRY_S = 5.0
"""About so long until the second try; each later wait is four times the one before."""

RETRY_MAX_S = 6 * 3600.0


def sign(secret: str, message_id: str, timestamp: int, body: str) -> str:
    """Return the value of `webhook-signature`."""
    signed = f"{message_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.digest(secret_bytes(secret), signed, hashlib.sha256)).decode()


def secret_bytes(secret: str) -> bytes:
    """Read a secret: base64 after "whsec_", as the specification writes them, else the text itself."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def retry_wait_s(attempts: int, roll: float) -> float:
    """How long to wait after so many tries.

    Args:
        attempts: tries so far, at least 1.
        roll: by chance in [0, 1): spreads receivers that failed together over a quarter more or less.
    """
    return float(min(RETRY_MAX_S, RETRY_S * 4.0 ** (attempts - 1))) * (0.75 + 0.5 * roll)
