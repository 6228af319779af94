"""`/docs`: the API for people, from this server alone.

Swagger UI comes with the package, so the page works without a network and sends nothing anywhere else; its policy
forbids the browser to. The page itself is asked for anew each time, its large files have their version in their address
and may be kept for ever. All addresses are relative: behind a proxy with a prefix it works as well.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse, Response

from harken.errors import NotFound

VERSION = "5.35.0"
"""Of Swagger UI; see scripts/vendor_swagger_ui.py."""

_FOLDER = Path(__file__).parent / "static" / "swagger_ui"
_FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}

_START = """
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#docs", deepLinking: true, displayRequestDuration: true,
  persistAuthorization: false, validatorUrl: null
});
"""

_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Harken: the API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/{VERSION}/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<noscript>This page needs JavaScript; the same is at <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/{VERSION}/swagger-ui-bundle.js"></script>
<script>{_START}</script>
</body>
</html>
"""

_START_HASH = base64.b64encode(hashlib.sha256(_START.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; script-src 'self' 'sha256-{_START_HASH}'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def docs_routes() -> APIRouter:
    """Return the page and its files; they are not in the schema, which is about transcribing."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def page() -> Response:
        """The page."""
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": _POLICY}
        return HTMLResponse(_PAGE, headers=headers)

    @router.get(f"/docs/{VERSION}/{{name}}")
    async def asset(request: Request) -> Response:
        """A file of the page."""
        name = request.path_params["name"]
        if name not in _FILES:
            raise NotFound(f"The page at /docs has no file {name[:80]!r}.")
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
        return FileResponse(_FOLDER / name, media_type=_FILES[name], headers=headers)

    return router
