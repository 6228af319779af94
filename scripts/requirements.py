"""Print the run-time requirements of pyproject.toml, one a line, for `pip install -r`.

Usage: requirements.py [EXTRA...]; without any, the engine's are included.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def main() -> None:
    """Read pyproject.toml beside this folder and print."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for name in sys.argv[1:] or ["engine"] for line in project["optional-dependencies"][name]]
    print("\n".join([*project["dependencies"], *extras]))


if __name__ == "__main__":
    main()
