"""What all tests share: where their helpers are found, and property tests that are the same on every run."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# importlib mode leaves sys.path alone; tests.cluster and the like are found from the root of the project.
sys.path.insert(0, str(Path(__file__).parent.parent))

# Two busy cores make single examples slow: speed is for benchmarks. Derandomized: a red run can be repeated.
settings.register_profile("harken", deadline=None, derandomize=True)
settings.load_profile("harken")

# Servers that tests start keep their state (jobs, keys) in a folder of this run, never in the developer's home.
_state = tempfile.mkdtemp(prefix="harken-tests-")
atexit.register(shutil.rmtree, _state, ignore_errors=True)
os.environ["XDG_STATE_HOME"] = _state

LONG = (
    "fleet/ray/test_ray_fleet.py", "web/test_playground_live.py", "cli/test_autoscale_live.py", "cli/test_bench.py",
    "cli/test_roll.py", "ops/verify/test_run.py", "qwen3_asr/cuda/test_kernels.py", "web/test_playground.py",
)  # fmt: skip
"""Files that take a minute or more, mostly of waiting for real processes. They come first: a file belongs to one
worker, and the one that had such a file last would be waited for by all others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files in front."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONG))
