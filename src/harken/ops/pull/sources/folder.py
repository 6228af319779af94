"""A folder of files behind any web server: its manifest, or its index and, if there, its checksums.

Looked for at the address itself and at the model's name below it: `harken-manifest.json` (a folder that was pulled
before and copied) has everything; else `index.json` or the page that a web server makes of a folder (nginx in HTML or
JSON, Apache, Python) has the names, `SHA256SUMS` digests, and a HEAD of each file, or its first byte, its size and
version. A folder has no revisions: its id is made of what it holds.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from html import unescape
from urllib.parse import quote, unquote

from harken.models.manifest import content_revision, read_manifest
from harken.models.names import MANIFEST, is_wanted
from harken.ops.pull.failures import PullFailed, Transient
from harken.ops.pull.files import Listing, RemoteFile, wanted_files
from harken.ops.pull.ranges import content_length, parse_content_range, version_of
from harken.ops.pull.sources.asking import Asking, text_in
from harken.ops.pull.web import Reply, public

_HREF = re.compile(r"""<a\s[^>]{0,500}?href\s*=\s*["']([^"'<>]{1,500})["']""", re.IGNORECASE)
_SUM = re.compile(r"^([0-9A-Fa-f]{64}) [ *](?:\./)?(\S.*?)\s*$", re.MULTILINE)
_FILES_AT_ONCE = 8


class Folder:
    """See `files.Source`.

    Args:
        asking: asks it.
        address: of the folder, or of the one above it.
    """

    def __init__(self, asking: Asking, address: str) -> None:
        self._asking = asking
        self._address = address.rstrip("/")

    async def listing(self, name: str, revision: str | None) -> Listing:
        """See `files.Source`."""
        for base in (f"{self._address}/{quote(name)}", self._address):
            found = await self._with_manifest(base, name) or await self._with_index(base, name)
            if found is None:
                continue
            if revision is not None and not found.revision.startswith(revision):
                raise PullFailed(
                    f"{public(base)} is a plain folder without revisions: it holds {found.revision[:12]}, "
                    f"not {revision!r}."
                )
            return found
        status = (await self._asking.ask(f"{self._address}/")).status
        raise PullFailed(
            f"{public(self._address)} has neither a manifest nor an index that lists a model's files "
            f"(it answers {status})."
        )

    async def _with_manifest(self, base: str, name: str) -> Listing | None:
        reply = await self._asking.ask(f"{base}/{MANIFEST}")
        manifest = read_manifest(reply.text) if reply.status == 200 else None
        if manifest is None:
            return None
        files = [
            RemoteFile(name=one.name, url=f"{base}/{quote(one.name)}", size=one.size, sha256=one.sha256)
            for one in manifest.files
        ]
        return Listing(
            name=name, revision=manifest.revision, ref="", source=public(base), files=wanted_files(files, public(base))
        )

    async def _with_index(self, base: str, name: str) -> Listing | None:
        names = await self._names(base)
        if not any(is_wanted(one) for one in names):
            return None
        sums = await self._sums(base)
        bare = [RemoteFile(name=one, url=f"{base}/{quote(one)}", sha256=sums.get(one, "")) for one in names]
        known = await self._with_facts(wanted_files(bare, public(base)))
        files = [file for file, _ in known]
        return Listing(
            name=name,
            revision=content_revision((file.name, file.size, file.digest or version) for file, version in known),
            ref="",
            source=public(base),
            files=wanted_files(files, public(base)),
            untold=frozenset(file.name for file, version in known if not (file.digest or version or file.size == 0)),
        )

    async def _names(self, base: str) -> list[str]:
        for address in (f"{base}/index.json", f"{base}/"):
            reply = await self._asking.ask(address)
            found = _names_in(reply) if reply.status == 200 else []
            if found:
                return found
        return []

    async def _sums(self, base: str) -> dict[str, str]:
        reply = await self._asking.ask(f"{base}/SHA256SUMS")
        if reply.status != 200:
            return {}
        return {name: digest.lower() for digest, name in _SUM.findall(reply.text)}

    async def _with_facts(self, files: Iterable[RemoteFile]) -> list[tuple[RemoteFile, str]]:
        gate = asyncio.Semaphore(_FILES_AT_ONCE)
        return list(await asyncio.gather(*(self._with_fact(file, gate) for file in files)))

    async def _with_fact(self, file: RemoteFile, gate: asyncio.Semaphore) -> tuple[RemoteFile, str]:
        """What its server tells of it; a size that it does not tell is found out when the file is fetched."""
        async with gate:
            size, version = await self._fact(file, "HEAD", {})
            if size is None or not (version or file.digest):
                # There are servers without HEAD.
                its_size, its_version = await self._fact(file, "GET", {"Range": "bytes=0-0"})
                size, version = its_size if size is None else size, version or its_version
        return RemoteFile(name=file.name, url=file.url, size=size, sha256=file.sha256), version

    async def _fact(self, file: RemoteFile, method: str, headers: dict[str, str]) -> tuple[int | None, str]:
        try:
            async with self._asking.web.open(file.url, headers, method=method) as answer:
                told = parse_content_range(answer.headers.get("Content-Range"))
                # A weak ETag is no good for joining parts, but it tells one version from another.
                version = version_of(answer.headers) or answer.headers.get("ETag", "").strip()
                if answer.status == 200:
                    return content_length(answer.headers), version
                if answer.status in (206, 416) and told is not None:
                    return told.total, version
        except Transient:
            pass
        return None, ""


def _names_in(reply: Reply) -> list[str]:
    """The names in an index: a list of texts or of objects with a name, or the links of a page."""
    raw = reply.json()
    if isinstance(raw, dict):
        raw = raw.get("files")
    if isinstance(raw, list):
        named = (one if isinstance(one, str) else text_in(one, "name") for one in raw)
        return list(dict.fromkeys(one for one in named if one))
    links = (unquote(unescape(link)).removeprefix("./") for link in _HREF.findall(reply.text))
    return list(dict.fromkeys(link for link in links if not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|[/?#]", link)))
