"""An instance that is kept on CPU cores, as a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps processes on cores"),
]


def _serve(cores: str, model: str = "stub") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "harken", "serve", "--port", "0", "--model", model, "--set", f"instance.cores={cores}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("model", ["stub", "digits"])
def test_an_instance_stays_on_its_cores(model: str) -> None:
    """With all its threads, those of the kernels and of torch too."""
    core = max(os.sched_getaffinity(0))
    with _serve(str(core), model) as process:
        assert process.stdout is not None
        try:
            news = [json.loads(process.stdout.readline())["news"] for _ in range(2)]
            found = {
                frozenset(os.sched_getaffinity(int(thread.name)))
                for thread in Path(f"/proc/{process.pid}/task").iterdir()
            }
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    assert news == ["listening", "ready"]
    assert found == {frozenset({core})}
    assert process.returncode == 0


@pytest.mark.parametrize("cores", ["65432", "1-0", "many"])
def test_cores_that_cannot_be_had_are_a_wrong_configuration(cores: str) -> None:
    """Said before anything is loaded."""
    with _serve(cores) as process:
        _, told = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "instance.cores" in told and told.strip().endswith("[config_error]")
