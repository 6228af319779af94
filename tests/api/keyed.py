"""A server with keys, for tests of the API."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI

from harken.api.app import create_app
from harken.keys import Admission
from tests.api.world import World


@dataclass
class KeyedWorld(World):
    """A world that asks who is there.

    Attributes:
        admission: its keys and limits.
        cors_origins: its web pages.
    """

    admission: Admission | None = None
    cors_origins: str = ""

    def app(self) -> FastAPI:
        """The app over this world."""
        return create_app(self.provider, admission=self.admission, cors_origins=self.cors_origins, sight=self.sight())


def bearer(secret: str) -> dict[str, str]:
    """The header that OpenAI's SDKs send."""
    return {"Authorization": f"Bearer {secret}"}
