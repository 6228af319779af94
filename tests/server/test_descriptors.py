"""The limit on open files, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import resource
from harken.server.descriptors import raise_descriptor_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 200))
print(raise_descriptor_limit(), resource.getrlimit(resource.RLIMIT_NOFILE), raise_descriptor_limit())
"""


def test_the_soft_limit_becomes_the_hard_one() -> None:
    """Once and again; the hard one stays."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "200 (200, 200) 200"
