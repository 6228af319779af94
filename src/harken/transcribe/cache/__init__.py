"""What was recognised before is not recognised again, and what is being recognised is recognised once.

A recognizer around a recognizer. It owns the names of segments (`key`), how transcripts are written down (`packing`),
where they are kept (`memory` in this process, `redis` for several gateways) and who waits for whom (`flight`). It knows
neither recordings nor HTTP. The invariants: what comes out of it equals what the model said, and whatever is wrong with
a store is a miss, never an error.
"""

from harken.transcribe.cache.opening import Cache, make_cache

__all__ = ["Cache", "make_cache"]
