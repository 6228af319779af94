"""What is known beforehand of an upstream: another server that speaks OpenAI's audio API.

Pure data; how it is written in the configuration is the fleet's matter. The key never shows in a log or an error.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

SLOTS = 16
"""Segments that a server may have at once which does not say how many it runs. A server that batches is not slower for
having a few too many, and the dispatcher finds out how many really help."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Upstream:
    """One server.

    Attributes:
        name: its name in answers, logs and /health.
        url: its address without a trailing slash and without `/v1`.
        weight: its share of the work under the weighted policies.
        slots: segments that it may have at once; None: what it says, else `SLOTS`.
        model: the name to ask for; "": the first that it lists.
        revision: of the weights behind that name; "": made of address and model, since the server does not tell.
        key: sent as a bearer token; "" for none.
        key_env: the variable from which the key came, for messages.
        batches: several segments at once are done sooner than one after another.
        has_words: it can time words (a Harken says so itself).
        is_dns: the host of `url` is a name each of whose addresses is an upstream of this kind.
    """

    name: str
    url: str
    weight: float = 1.0
    slots: int | None = None
    model: str = ""
    revision: str = ""
    key: str = field(default="", repr=False)
    key_env: str = ""
    batches: bool = True
    has_words: bool = False
    is_dns: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """What every request to it carries."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def revision_of(self, model: str) -> str:
        """Name the weights behind a model's name, without naming the address."""
        if self.revision:
            return self.revision
        return "upstream-" + hashlib.blake2b(f"{self.url}\n{model}".encode(), digest_size=8).hexdigest()
