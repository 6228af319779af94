"""What a request about a job says beside its body: whose it is, which job it means, its query.

The invariant: a query parameter is honoured or refused by name, and no text reaches the database that it could stumble
over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request

from harken.api.service import Service
from harken.errors import ClientError, JobNotFound, NotOffered, UnsupportedOption
from harken.jobs.jobs import Jobs

_ID = re.compile(r"job_[0-9a-z]{1,36}")
_KEY_CHARACTERS = 255


def offered(service: Service) -> Jobs:
    """The jobs of a server.

    Raises:
        NotOffered: it has none.
    """
    if service.jobs is None:
        raise NotOffered("Jobs are not offered here: jobs.is_enabled is false.")
    return service.jobs


def owner_of(request: Request) -> str:
    """The id of the key that was used; "" where no keys are in use."""
    key = getattr(request.state, "key", None)
    return "" if key is None else str(key.id)


def scope_of(request: Request) -> str | None:
    """Whose jobs may be seen: the key's own; all, for an admin's key and where no keys are in use."""
    key = getattr(request.state, "key", None)
    return None if key is None or key.is_admin else str(key.id)


def read_id(text: str) -> str:
    """Take a job's id.

    Raises:
        JobNotFound: no job has such a one.
    """
    if not _ID.fullmatch(text):
        raise JobNotFound(f"There is no job {text[:80]!r}.")
    return text


def idempotency_key(request: Request) -> str:
    """The Idempotency-Key header; "" where there is none.

    Raises:
        ClientError: it is too long, or not plain ASCII.
    """
    key = request.headers.get("idempotency-key", "").strip()
    if len(key) > _KEY_CHARACTERS or not key.isascii() or not key.isprintable():
        raise ClientError(f"Idempotency-Key must be at most {_KEY_CHARACTERS} plain characters.")
    return key


def read_query(request: Request, defaults: Mapping[str, str]) -> dict[str, str]:
    """Read the query by its defaults; an empty value counts as not given.

    Raises:
        UnsupportedOption: a parameter that the route does not have, or one that is given twice.
    """
    found = dict(defaults)
    for name, value in request.query_params.multi_items():
        if name not in defaults:
            known = f"known are {', '.join(defaults)}." if defaults else "this route has none."
            raise UnsupportedOption(f"Query parameter {name[:80]!r} is not known; {known}", field=name[:80])
        if len(request.query_params.getlist(name)) > 1:
            raise UnsupportedOption(f"Query parameter {name!r} was given twice.", field=name)
        found[name] = value or defaults[name]
    return found
