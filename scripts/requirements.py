"""Print the run-time requirements of pyproject.toml, the engine's included: one a line, for `pip install -r`."""

from __future__ import annotations

import tomllib
from pathlib import Path


def main() -> None:
    """Read pyproject.toml beside this folder and print."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    print("\n".join([*project["dependencies"], *project["optional-dependencies"]["engine"]]))


if __name__ == "__main__":
    main()
