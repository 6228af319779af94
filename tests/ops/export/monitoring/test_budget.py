"""What spends the error budget, against the tree of errors itself."""

from __future__ import annotations

import pytest

from harken.errors import HarkenError, SetupError, leaves
from harken.ops.export.monitoring.budget import bad_outcomes, bad_pattern, burn

OWN = {code: kind for code, kind in leaves().items() if kind.__module__ == "harken.errors"}

THE_CLIENTS = {"deadline_exceeded", "not_offered"}
"""Of a server's status, and yet of the client's making."""


@pytest.mark.parametrize("code", sorted(OWN))
def test_an_error_counts_if_it_is_the_server_s(code: str) -> None:
    """500 and more, while it serves, and not because of what this client wanted."""
    kind: type[HarkenError] = OWN[code]
    is_ours = kind.status >= 500 and not issubclass(kind, SetupError) and code not in THE_CLIENTS
    assert (code in bad_outcomes()) == is_ours


def test_what_is_no_error_counts_not() -> None:
    """A request that was done, one whose client left, and one that still runs."""
    assert not {"done", "cancelled", "running"} & {*bad_outcomes()}


def test_the_exceptions_still_exist() -> None:
    """An exception whose error was renamed would be a hole."""
    assert set(OWN) >= THE_CLIENTS


def test_every_window_counts_the_same_outcomes() -> None:
    """Numerator and denominator, without a character that a pattern would take for more than itself."""
    assert burn("5m").replace("5m", "3d") == burn("3d")
    assert burn("5m").count(bad_pattern()) == 3
    assert set(bad_pattern()) <= set("abcdefghijklmnopqrstuvwxyz_|")
