"""OpenAI's two Python clients behind one small interface, so that every check is written once and runs on both."""

from __future__ import annotations

from typing import Any, Protocol

import openai


class Sdk(Protocol):
    """What the checks ask of a client; keyword arguments are the SDK's own."""

    async def create(self, **options: Any) -> Any:
        """Transcribe."""
        ...

    async def stream(self, **options: Any) -> list[Any]:
        """Transcribe with `stream=True`; return the events."""
        ...

    async def raw(self, **options: Any) -> Any:
        """Transcribe; return the HTTP answer."""
        ...

    async def translate(self, **options: Any) -> Any:
        """Translate."""
        ...

    async def models(self) -> list[Any]:
        """List the models."""
        ...

    async def model(self, name: str) -> Any:
        """Describe a model."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


class Sync:
    """`openai.OpenAI`; it blocks the loop, which has nothing else to do."""

    def __init__(self, server: str, key: str) -> None:
        self._client = openai.OpenAI(base_url=f"{server}/v1", api_key=key or "none", max_retries=0, timeout=60)

    async def create(self, **options: Any) -> Any:
        """Transcribe."""
        return self._client.audio.transcriptions.create(**options)

    async def stream(self, **options: Any) -> list[Any]:
        """Transcribe with events."""
        return list(self._client.audio.transcriptions.create(stream=True, **options))

    async def raw(self, **options: Any) -> Any:
        """Transcribe; return the HTTP answer."""
        return self._client.audio.transcriptions.with_raw_response.create(**options)

    async def translate(self, **options: Any) -> Any:
        """Translate."""
        return self._client.audio.translations.create(**options)

    async def models(self) -> list[Any]:
        """List the models."""
        return list(self._client.models.list())

    async def model(self, name: str) -> Any:
        """Describe a model."""
        return self._client.models.retrieve(name)

    async def close(self) -> None:
        """Close its connections."""
        self._client.close()


class Async:
    """`openai.AsyncOpenAI`."""

    def __init__(self, server: str, key: str) -> None:
        self._client = openai.AsyncOpenAI(base_url=f"{server}/v1", api_key=key or "none", max_retries=0, timeout=60)

    async def create(self, **options: Any) -> Any:
        """Transcribe."""
        return await self._client.audio.transcriptions.create(**options)

    async def stream(self, **options: Any) -> list[Any]:
        """Transcribe with events."""
        events = await self._client.audio.transcriptions.create(stream=True, **options)
        return [event async for event in events]

    async def raw(self, **options: Any) -> Any:
        """Transcribe; return the HTTP answer."""
        return await self._client.audio.transcriptions.with_raw_response.create(**options)

    async def translate(self, **options: Any) -> Any:
        """Translate."""
        return await self._client.audio.translations.create(**options)

    async def models(self) -> list[Any]:
        """List the models."""
        return [model async for model in self._client.models.list()]

    async def model(self, name: str) -> Any:
        """Describe a model."""
        return await self._client.models.retrieve(name)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()
