"""Take Swagger UI out of its pinned npm package into ours: /docs must work without a network.

Usage: python scripts/vendor_swagger_ui.py (needs npm)
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "swagger-ui-dist@5.35.0"
SHA256 = "1b8e891893404ea4c3558b6a87e2a3e494e7eedba41168c2ece5800a391a6ea6"
FILES = {
    "swagger-ui-bundle.js": "swagger-ui-bundle.js",
    "swagger-ui.css": "swagger-ui.css",
    "LICENSE": "LICENSE",
    "NOTICE": "NOTICE",
    "swagger-ui-bundle.js.LICENSE.txt": "LICENSE.bundled",
}
"""Name in the package → name here."""
FOLDER = Path(__file__).parents[1] / "src/harken/api/static/swagger_ui"


def main() -> None:
    """Download the package, check its hash, and write the files."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        archive = next(Path(folder).glob("*.tgz"))
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != SHA256:
            sys.exit(f"{PACKAGE} has sha256 {found}, expected {SHA256}")
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as package:
            for theirs, ours in FILES.items():
                member = package.extractfile(f"package/{theirs}")
                assert member is not None, f"{theirs} is no file of {PACKAGE}"
                (FOLDER / ours).write_bytes(member.read())
    print(f"wrote {len(FILES)} files to {FOLDER}")


if __name__ == "__main__":
    main()
