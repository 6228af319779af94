"""`harken serve`, with the detector that costs nothing: the instances of all arms.

python -m benchmarks.dispatch.instance --model stub --port 7861 …
"""

from __future__ import annotations

import sys

from benchmarks.dispatch.loudness import listen_by_loudness
from harken.cli import main

if __name__ == "__main__":
    listen_by_loudness()
    sys.argv[1:1] = ["serve"]
    main()
