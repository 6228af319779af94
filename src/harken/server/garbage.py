"""Python's collector, kept from walking through what is there to stay.

A full collection looks at every object that is alive, with Python's lock held: some hundred thousand of modules,
functions and schemas, which is a pause of a tenth of a second and more for every request and every look at the health.
Set aside once, they are never looked at again. The invariant: what is made later is collected as ever.
"""

from __future__ import annotations

import gc

SETTLED_S = 10.0
"""After so many seconds a server has imported what it needs, but for its model."""


def spare_what_stays() -> None:
    """Set aside all that is alive now; a pause of its own, for once."""
    gc.collect()
    gc.freeze()
