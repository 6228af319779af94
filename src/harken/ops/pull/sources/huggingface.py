"""The Hugging Face hub, and any mirror that speaks its API.

One question (`/api/models/NAME/revision/REV?blobs=true`) gives the commit and each file's size, with the SHA-256 of
large files and git's id of small ones. Files are then named by that commit, so that a branch that moves meanwhile
changes nothing.
"""

from __future__ import annotations

from urllib.parse import quote

from harken.models.names import is_commit
from harken.ops.pull.failures import PullFailed
from harken.ops.pull.files import Listing, RemoteFile, wanted_files
from harken.ops.pull.sources.asking import Asking, hex_in, size_in, text_in
from harken.ops.pull.web import Reply, public

ENDPOINT = "https://huggingface.co"
TOKEN = "HF_TOKEN"  # noqa: S105 - the variable's name


class HuggingFace:
    """See `files.Source`.

    Args:
        asking: asks it.
        endpoint: its address.
        token_name: the variable in which people have to put a token for it.
    """

    def __init__(self, asking: Asking, endpoint: str = ENDPOINT, *, token_name: str = TOKEN) -> None:
        self._asking = asking
        self._endpoint = endpoint.rstrip("/")
        self._token_name = token_name

    async def listing(self, name: str, revision: str | None) -> Listing:
        """See `files.Source`."""
        reply = await self._asking.ask(self.address_of(name, revision))
        found = self.read(reply, name, revision)
        if found is None:
            raise PullFailed(f"{public(self._endpoint)} does not speak the Hugging Face hub's API.")
        return found

    def address_of(self, name: str, revision: str | None) -> str:
        """Where the list is."""
        path = f"{self._endpoint}/api/models/{quote(name)}"
        return f"{path}/revision/{quote(revision, safe='')}?blobs=true" if revision else f"{path}?blobs=true"

    def read(self, reply: Reply, name: str, revision: str | None) -> Listing | None:
        """Read the answer; None where it is none of this API.

        Raises:
            PullFailed: it says that there is nothing, or that one may not read it.
        """
        self._check(reply, name, revision)
        raw = reply.json()
        commit = text_in(raw, "sha")
        if reply.status != 200 or not is_commit(commit) or not isinstance(raw.get("siblings"), list):
            return None
        where = f"{self._endpoint}/{quote(name)}/resolve/{commit}"
        files = [self._file(where, one) for one in raw["siblings"]]
        return Listing(
            name=name,
            revision=commit,
            ref=revision or "",
            source=public(self._endpoint),
            files=wanted_files(files, public(self._endpoint)),
        )

    def _file(self, where: str, raw: object) -> RemoteFile:
        name = text_in(raw, "rfilename")
        large = raw.get("lfs") if isinstance(raw, dict) else None
        sha256 = hex_in(large, "sha256", 64)
        size = size_in(large, "size") if large else size_in(raw, "size")
        # Of a large file this is git's id of its pointer, not of its content.
        git_sha1 = "" if large else hex_in(raw, "blobId", 40)
        return RemoteFile(name=name, url=f"{where}/{quote(name)}", size=size, sha256=sha256, git_sha1=git_sha1)

    def _check(self, reply: Reply, name: str, revision: str | None) -> None:
        code = reply.headers.get("X-Error-Code", "")
        host = public(self._endpoint)
        if code == "GatedRepo":
            raise PullFailed(
                f"{name} is gated at {host}: accept its terms there, and put a token that may read it "
                f"into {self._token_name}."
            )
        if code == "RevisionNotFound":
            raise PullFailed(f"{host} has {name}, but no revision {revision!r} of it.")
        if code == "RepoNotFound" or (reply.status in (401, 403) and self._is_api(reply)):
            raise PullFailed(
                f"{host} has no model {name}, or it may be read with a token only: put one into {self._token_name}."
            )

    def _is_api(self, reply: Reply) -> bool:
        return bool(text_in(reply.json(), "error"))
