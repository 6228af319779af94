"""What tests of commands share: those that run in this process leave its log alone."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command sets up the log of its process for good (its loggers keep it), and this one is the other tests' too."""
    monkeypatch.setattr("structlog.configure", lambda **_: None)
