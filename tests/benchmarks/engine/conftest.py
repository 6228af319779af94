"""One small checkpoint with random weights, written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.engine.checkpoint import find_model


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a network of some thousand weights."""
    return find_model("tiny", tmp_path_factory.mktemp("checkpoints"))
