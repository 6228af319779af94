"""Answers in JSON that nobody may store: what is true now, or a secret that is told once."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


def unstored(body: dict[str, Any], *, status: int = 200) -> Response:
    """Write one."""
    return Response(
        json.dumps(body, ensure_ascii=False).encode(),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
