"""The floors of ARCHITECTURE.md: imports only go down, and torch lives in two rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import harken

SOURCE = Path(harken.__file__).parent
FLOORS = {
    "types": 0, "choice": 0, "errors": 0, "config": 0, "clock": 0, "turns": 0, "wire": 0, "log": 0, "languages": 0,
    "account": 0, "circuit": 0, "events": 0, "spans": 0, "trace": 0, "wire_fields": 0, "words": 0, "prefix": 0,
    "audio": 1, "qwen3_asr": 1, "checkpoints": 1, "samples": 1, "state": 1, "machine": 1, "models": 1, "plugin": 1,
    "engine": 2, "dispatch": 2, "testing": 2, "plugins": 2,
    "transcribe": 3, "keys": 3,
    "jobs": 3.5, "live": 3.5, "telemetry": 3.5,
    "api": 4,
    "server": 5, "bench": 5,
    "fleet": 6, "ops": 6,
    "cli": 7, "__main__": 8,
}  # fmt: skip
TORCH_ROOMS = {"qwen3_asr", "engine"}


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(SOURCE.rglob("*.py")):
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if room != "__init__":
            yield room, path


def _imports(path: Path) -> Iterator[str]:
    """Full names of all modules that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the floor; write the full name"
            yield node.module or ""
            if node.module == "harken":
                yield from (f"harken.{alias.name}" for alias in node.names)


def test_every_module_has_a_floor() -> None:
    """A new room is entered into the plan before it is built."""
    assert {room for room, _ in _modules()} <= set(FLOORS)


def test_imports_only_go_down() -> None:
    """A module imports its own room or lower floors; rooms of one floor do not know each other, but for floor 0."""
    wrong = []
    for room, path in _modules():
        for name in _imports(path):
            parts = name.split(".")
            if parts[0] != "harken" or len(parts) < 2 or parts[1] == room or parts[1].startswith("__"):
                continue
            if FLOORS[parts[1]] >= FLOORS[room] and FLOORS[room] > 0:
                wrong.append(f"{path.relative_to(SOURCE)} (floor {FLOORS[room]}) imports {name}")
            if FLOORS[room] == 0 and FLOORS[parts[1]] > 0:
                wrong.append(f"{path.relative_to(SOURCE)} (floor 0) imports {name}")
    assert not wrong, "\n".join(wrong)


def test_torch_lives_in_two_rooms() -> None:
    """Only the network and the engine may name torch."""
    wrong = [
        str(path.relative_to(SOURCE))
        for room, path in _modules()
        for name in _imports(path)
        if name.split(".")[0] in ("torch", "safetensors", "tokenizers") and room not in TORCH_ROOMS
    ]
    assert not wrong


def test_fleet_starts_instances_by_command_line_never_by_import() -> None:
    """The fleet may not pull an engine into the gateway's process."""
    wrong = [
        str(path)
        for room, path in _modules()
        for name in _imports(path)
        if room == "fleet" and name.startswith("harken.engine")
    ]
    assert not wrong


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", ["harken.server.gateway", "harken.dispatch.dispatcher", "harken.transcribe.transcriber"]
)
def test_a_gateway_loads_no_gpu_stack(module: str) -> None:
    """Importing the gateway and what it is made of brings in neither torch nor the model libraries."""
    code = (
        f"import sys, {module}\n"
        "heavy = {'torch', 'transformers', 'safetensors', 'tokenizers', 'onnxruntime', 'av', 'sqlalchemy'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
