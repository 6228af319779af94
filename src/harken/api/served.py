"""Which names for the served model a request may use. Pure.

One server serves one model. A request may name it fully, by the last part of its name, or as "whisper-1", which
clients written for OpenAI often have built in; or not at all.
"""

from __future__ import annotations

from harken.errors import ModelNotFound
from harken.types import ModelInfo

ALIAS = "whisper-1"


def check_model(name: str, served: ModelInfo) -> None:
    """Accept "", the served name, its last part, and "whisper-1".

    Raises:
        ModelNotFound: another name; the message says what is served.
    """
    if name not in ("", served.name, served.name.rpartition("/")[2], ALIAS):
        raise ModelNotFound(f"Model {name[:80]!r} is not served here; {served.name!r} is.", field="model")
