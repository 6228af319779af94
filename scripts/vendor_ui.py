"""Take the libraries of the pages out of their pinned npm packages into ours: the pages must work without a network.

Usage: python scripts/vendor_ui.py (needs npm)
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "src/harken/api/static/ui/vendor"


@dataclass(frozen=True, kw_only=True, slots=True)
class Vendored:
    """A package that the pages use.

    Attributes:
        package: its name and version at npm.
        sha256: of its archive.
        files: name in the package → name here.
    """

    package: str
    sha256: str
    files: dict[str, str]


VENDORED = (
    Vendored(
        package="htm@3.1.1",  # with Preact and its hooks inside
        sha256="2425b9bee11409177bcabc7f32e319926fc6690c1701c0b257c88bdff2d5ba90",
        files={"preact/standalone.module.js": "preact.js", "LICENSE": "LICENSE.htm"},
    ),
    Vendored(
        package="preact@10.5.14",  # inside the other one is a Preact 10; only its licence is taken here
        sha256="9e4baa5fbbba94c739361421f3cf84beda8d8b8db176de53e0d157be60ee9387",
        files={"LICENSE": "LICENSE.preact"},
    ),
)


def main() -> None:
    """Download the packages, check their digests, and write the files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for one in VENDORED:
        _take(one)
        print(f"{one.package}: wrote {', '.join(one.files.values())} to {FOLDER}")


def _take(one: Vendored) -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", one.package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        archive = next(Path(folder).glob("*.tgz"))
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != one.sha256:
            sys.exit(f"{one.package} has sha256 {found}, expected {one.sha256}")
        with tarfile.open(archive) as package:
            for theirs, ours in one.files.items():
                member = package.extractfile(f"package/{theirs}")
                assert member is not None, f"{theirs} is no file of {one.package}"
                (FOLDER / ours).write_bytes(member.read())


if __name__ == "__main__":
    main()
