"""The pages for people: the dashboard at `/`, the playground, and the files that both are made of.

Owns their addresses, what may be kept and for how long, and the policy under which a browser shows them; it knows
nothing of what the pages show. A page is asked for anew each time; its files have a digest of all of them in their
address and may be kept for ever. All addresses are relative: behind a proxy with a prefix it works as well. The
invariant: what a page names is served by this very process, byte for byte what the digest was made of.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from harken.errors import NotFound

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

"""Of this server and nothing else; `connect-src 'self'` is its WebSockets as well (CSP 3)."""

_FOLDER = Path(__file__).parent / "static" / "ui"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""What is served; the pages themselves (.html) and licences are not, at least not from there."""

_PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FILE_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


def wants_page(accept: str) -> bool:
    """Whether whoever sends such an `Accept` header wants HTML rather than JSON: pure.

    Browsers name text/html and like nothing better. Whoever takes anything (curl, SDKs) gets JSON, as ever.
    """
    liked = {kind: weight for part in accept.lower().split(",") for kind, weight in [_weighed(part)]}
    html = liked.get("text/html", 0.0)
    return html > 0 and html >= liked.get("application/json", 0.0)


def dashboard() -> Response:
    """The page at `/`."""
    return _page("dashboard.html")


def page_routes() -> APIRouter:
    """Return the other page and the files; they are not in the schema, which is about transcribing."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/playground", methods=["GET", "HEAD"])
    async def playground() -> Response:
        """The page on which people try it."""
        return _page("playground.html")

    @router.api_route("/ui/{version}/{name:path}", methods=["GET", "HEAD"])
    async def file(request: Request) -> Response:
        """A file of the pages."""
        version, name = request.path_params["version"], request.path_params["name"]
        files = _files()
        if version != files.version or name not in files.contents:
            # Another version's file must not be kept under this one's name: a page that is older asks again.
            raise NotFound(f"The pages have no file {name[:80]!r} of version {version[:40]!r}.")
        return Response(files.contents[name], media_type=_TYPES[Path(name).suffix], headers=_FILE_HEADERS)

    return router


@dataclass(frozen=True, kw_only=True, slots=True)
class _Files:
    """What the pages are made of.

    Attributes:
        version: digest of all contents.
        contents: the files by their names below `/ui/VERSION/`.
        pages: the pages by the names of their files, with the version in their addresses.
    """

    version: str
    contents: dict[str, bytes]
    pages: dict[str, str]


@functools.cache
def _files() -> _Files:
    """Read everything once: half an upgrade on the disk cannot reach a page that is open."""
    contents = {
        path.relative_to(_FOLDER).as_posix(): path.read_bytes()
        for path in sorted(_FOLDER.rglob("*"))
        if path.suffix in _TYPES
    }
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    version = digest.hexdigest()[:16]
    pages = {
        path.name: path.read_text(encoding="utf-8").replace("{ui}", f"ui/{version}")
        for path in sorted(_FOLDER.glob("*.html"))
    }
    return _Files(version=version, contents=contents, pages=pages)


def _page(name: str) -> Response:
    return HTMLResponse(_files().pages[name], headers=_PAGE_HEADERS)


def _weighed(part: str) -> tuple[str, float]:
    """One part of an `Accept` header: "text/html;q=0.8" → ("text/html", 0.8)."""
    kind, *parameters = (piece.strip() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind, float(value)
            except ValueError:
                return kind, 0.0
    return kind, 1.0
