"""A token or key, and the one place that it is for.

It knows no network. The invariant: a secret that passed `check` can be sent in a header, and nothing else that lets
somebody in goes to the same place.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from yarl import URL

from harken.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """A token or key, and the only place that may see it.

    Attributes:
        url: an address of that place; scheme, host and port count.
        value: the secret itself.
        what: what to call it in messages: the variable that holds it.
    """

    url: str
    value: str = field(repr=False)
    what: str


def check(secret: Secret | None) -> None:
    """Refuse what cannot be sent.

    Raises:
        ConfigError: it has characters that no header can hold, or its place's address names a user as well.
    """
    if secret is None:
        return
    if not (secret.value.isascii() and secret.value.isprintable()):
        raise ConfigError(f"{secret.what} holds characters that no token has.")
    url = URL(secret.url)
    if url.raw_user is not None or url.raw_password is not None:
        raise ConfigError(
            f"The address of {url.host} names a user, and {secret.what} is set for it: only one of them can be sent."
        )
