"""Query parameters on routes that have none: refused by name, because a misspelt wish must not be ignored."""

from __future__ import annotations

from starlette.requests import Request

from harken.errors import UnsupportedOption


def refuse_query(request: Request) -> None:
    """See that there is none.

    Raises:
        UnsupportedOption: there is one; `field` names it.
    """
    for name in request.query_params:
        raise UnsupportedOption(f"Query parameter {name[:80]!r} is not known here.", field=name[:80])
