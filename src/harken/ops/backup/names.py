"""What may be in an archive, by name, and where it goes. Pure.

A list of what is allowed rather than of what is dangerous: no name with "..", no link and no absolute path can be on
it. The invariant: joined to a folder, an allowed name stays in that folder.
"""

from __future__ import annotations

import re

DATABASE = "state/harken.db"
SECRET = "state/webhook-secret"  # noqa: S105 - a name, not a secret
SHELF_ID = "state/recordings/.id"
OWN_CONFIG = "config/harken.toml"
EFFECTIVE_CONFIG = "config/effective.toml"

_FILE_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.,+@-]{0,79}"

_ALLOWED = re.compile(
    "|".join(
        (
            re.escape(DATABASE),
            re.escape(SECRET),
            re.escape(SHELF_ID),
            re.escape(OWN_CONFIG),
            re.escape(EFFECTIVE_CONFIG),
            r"state/recordings/job_\w{1,36}/\d{1,9}",
            r"state/run/\d{1,5}/fleet\.json",
            rf"state/run/\d{{1,5}}/(logs|crashes)/{_FILE_NAME}",
            rf"(model|aligner)/{_FILE_NAME}",
        )
    ),
    re.ASCII,
)


def is_allowed(name: str) -> bool:
    """Whether an archive may hold a file of that name."""
    return _ALLOWED.fullmatch(name) is not None


def is_file_name(name: str) -> bool:
    """Whether a log or a model's file can be kept under its own name."""
    return re.fullmatch(_FILE_NAME, name, re.ASCII) is not None


def recording(job_id: str, number: int) -> str:
    """The name of a job's recording."""
    return f"state/recordings/{job_id}/{number}"
