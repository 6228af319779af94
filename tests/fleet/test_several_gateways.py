"""Three gateways over six instances, each machine in a network namespace of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.network import can_have_networks, inside_a_network

SECONDS = 21.0


@pytest.mark.slow
@pytest.mark.skipif(not can_have_networks(), reason="this machine gives us no network namespaces")
def test_an_instance_that_is_cut_off_for_a_while_costs_no_request_of_any_gateway() -> None:
    """Its cable is pulled, so nothing is refused or reset: what it had is recognised elsewhere, and it comes back."""
    flags = ("--seconds", str(SECONDS), "--unplug")
    command = inside_a_network([sys.executable, "-m", "benchmarks.several_gateways", *flags])
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)
    report = told["bench"]
    assert (report["errors"], report["successes"]) == ({}, report["requests"])
    assert report["requests"] > 500
    assert len(report["servers"]) == 3
    counts = report["instances"]
    others = [count for name, count in counts.items() if name != "i3"]
    assert 0 < counts["i3"] < min(others)
