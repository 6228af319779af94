"""ModelScope: `/api/v1/models/NAME/repo/files` lists, `/repo?Revision=…&FilePath=…` sends a file.

Every file comes with its SHA-256 and with the commit that last changed it, by which it is asked for. The commit of the
whole is told in short only (`LatestCommitter.ShortId`); where no file was changed by it, an id is made of the content.
A revision that does not exist is answered with 200 and no list.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from harken.models.manifest import content_revision
from harken.models.names import is_commit
from harken.ops.pull.failures import PullFailed
from harken.ops.pull.files import Listing, RemoteFile, wanted_files
from harken.ops.pull.sources.asking import Asking, hex_in, size_in, text_in
from harken.ops.pull.web import public

ENDPOINT = "https://www.modelscope.cn"
DEFAULT_REVISION = "master"


class ModelScope:
    """See `files.Source`.

    Args:
        asking: asks it.
        endpoint: its address.
    """

    def __init__(self, asking: Asking, endpoint: str = ENDPOINT) -> None:
        self._asking = asking
        self._endpoint = endpoint.rstrip("/")

    async def listing(self, name: str, revision: str | None) -> Listing:
        """See `files.Source`."""
        asked = revision or DEFAULT_REVISION
        base = f"{self._endpoint}/api/v1/models/{quote(name)}"
        query = urlencode({"Revision": asked, "Recursive": "true"})
        reply = await self._asking.ask(f"{base}/repo/files?{query}")
        raw = reply.json()
        host = public(self._endpoint)
        if reply.status in (401, 403, 404) or (isinstance(raw, dict) and raw.get("Success") is False):
            raise PullFailed(f"{host} does not give {name}: {text_in(raw, 'Message')[:200] or reply.status}.")
        data = raw.get("Data") if isinstance(raw, dict) else None
        if not isinstance(data, dict):
            raise PullFailed(f"{host} does not speak ModelScope's API (it answers {reply.status}).")
        if not isinstance(data.get("Files"), list):
            raise PullFailed(f"{host} has no revision {asked!r} of {name}.")
        blobs = [one for one in data["Files"] if text_in(one, "Type") != "tree"]
        files = wanted_files((self._file(base, one, asked) for one in blobs), host)
        return Listing(
            name=name,
            revision=_commit(data, blobs, asked) or content_revision((f.name, f.size, f.sha256) for f in files),
            ref=revision or "",
            source=host,
            files=files,
        )

    def _file(self, base: str, raw: object, asked: str) -> RemoteFile:
        name = text_in(raw, "Path") or text_in(raw, "Name")
        query = urlencode({"Revision": hex_in(raw, "Revision", 40) or asked, "FilePath": name})
        return RemoteFile(
            name=name, url=f"{base}/repo?{query}", size=size_in(raw, "Size"), sha256=hex_in(raw, "Sha256", 64)
        )


def _commit(data: dict[str, Any], blobs: list[object], asked: str) -> str:
    if is_commit(asked):
        return asked
    whole, short = hex_in(data.get("LatestCommitter"), "Id", 40), text_in(data.get("LatestCommitter"), "ShortId")
    of_files = (hex_in(one, "Revision", 40) for one in blobs)
    return whole or next((one for one in of_files if len(short) >= 7 and one.startswith(short.lower())), "")
