"""API keys: who they belong to, whether one is needed, and how much each may ask for.

Knows nothing of HTTP: `api` reads secrets out of requests and answers refusals. Keys lie in the state's database, as
hashes; SQLAlchemy and `limits` are imported only when there is something to look up or to count, so that a server
without keys starts without them.
"""

from harken.keys.admission import Admission, open_admission
from harken.keys.book import KeyBook
from harken.keys.key import Key
from harken.keys.meter import LimitReached, Meter, Standing
from harken.keys.mode import Mode, mode_of
from harken.keys.ring import KeyRing

__all__ = [
    "Admission",
    "Key",
    "KeyBook",
    "KeyRing",
    "LimitReached",
    "Meter",
    "Mode",
    "Standing",
    "mode_of",
    "open_admission",
]
