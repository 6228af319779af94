"""Another Harken that serves its models (`gateway.serves_models`): every file with its SHA-256, in ranges.

Its key (HARKEN_API_KEY) goes there only after it said that it is a Harken and needs one.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from harken.models.manifest import parse_manifest
from harken.ops.pull.failures import PullFailed
from harken.ops.pull.files import Listing, RemoteFile, wanted_files
from harken.ops.pull.secret import Secret
from harken.ops.pull.sources.asking import Asking, text_in
from harken.ops.pull.web import Reply, public

KEY = "HARKEN_API_KEY"
KIND = "harken.models"


class Gateway:
    """See `files.Source`.

    Args:
        asking: asks it.
        address: of the gateway.
        key: for it; "" for none.
    """

    def __init__(self, asking: Asking, address: str, *, key: str = "") -> None:
        self.asking = asking
        self._address = address.rstrip("/")
        self._key = key

    async def listing(self, name: str, revision: str | None) -> Listing:
        """See `files.Source`."""
        found = await self.look(name, revision)
        if found is None:
            raise PullFailed(f"{public(self._address)} is no Harken that serves models.")
        return found

    async def look(self, name: str, revision: str | None) -> Listing | None:
        """The same; None where no Harken is there.

        Raises:
            PullFailed: a Harken is there, and does not give it.
        """
        reply = await self._index()
        host = public(self._address)
        error = _error_in(reply)
        if 'realm="harken"' in reply.headers.get("WWW-Authenticate", ""):
            raise PullFailed(f"{host} needs an API key: put one into {KEY}." if not self._key else f"{host}: {error}")
        if "gateway.serves_models" in error:
            raise PullFailed(f"{host} does not serve its models: set gateway.serves_models = true there.")
        raw = reply.json()
        if reply.status != 200 or text_in(raw, "object") != KIND or not isinstance(raw.get("data"), list):
            return None
        entry = _chosen(raw["data"], name, revision, host)
        return await self._listing(entry, name, revision)

    async def _index(self) -> Reply:
        reply = await self.asking.ask(f"{self._address}/models")
        if reply.status == 401 and self._key and 'realm="harken"' in reply.headers.get("WWW-Authenticate", ""):
            secret = Secret(url=self._address, value=self._key, what=KEY)
            self.asking = self.asking.with_web(self.asking.web.with_secret(secret))
            reply = await self.asking.ask(f"{self._address}/models")
        return reply

    async def _listing(self, entry: dict[str, Any], name: str, revision: str | None) -> Listing:
        where = f"{self._address}/models/{quote(name)}/revisions/{quote(text_in(entry, 'revision'))}"
        reply = await self.asking.ask(where)
        manifest = parse_manifest(reply.json()) if reply.status == 200 else None
        if manifest is None or manifest.revision != text_in(entry, "revision"):
            raise PullFailed(f"{public(where)} has no manifest: {_error_in(reply) or reply.status}.")
        files = [
            RemoteFile(name=one.name, url=f"{where}/files/{quote(one.name)}", size=one.size, sha256=one.sha256)
            for one in manifest.files
        ]
        return Listing(
            name=name,
            revision=manifest.revision,
            ref=revision or "",
            source=public(self._address),
            files=wanted_files(files, public(self._address)),
        )


def _chosen(entries: list[Any], name: str, revision: str | None, host: str) -> dict[str, Any]:
    its = [one for one in entries if text_in(one, "id") == name]
    if not its:
        known = ", ".join(sorted({text_in(one, "id") for one in entries})) or "nothing"
        raise PullFailed(f"{host} does not serve {name}; it serves {known[:300]}.")
    if revision is None:
        default = [one for one in its if one.get("is_default") is True]
        return dict((default or its)[0])
    for one in its:
        refs = one.get("refs") if isinstance(one.get("refs"), list) else []
        if revision in (text_in(one, "revision"), *refs) or (
            len(revision) >= 7 and text_in(one, "revision").startswith(revision)
        ):
            return dict(one)
    raise PullFailed(f"{host} serves {name}, but no revision {revision!r} of it.")


def _error_in(reply: Reply) -> str:
    raw = reply.json()
    return text_in(raw.get("error"), "message")[:300] if isinstance(raw, dict) else ""
