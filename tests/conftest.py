"""Where the tests' own helpers are found."""

from __future__ import annotations

import sys
from pathlib import Path

# importlib mode leaves sys.path alone; tests.cluster and the like are found from the root of the project.
sys.path.insert(0, str(Path(__file__).parent.parent))
