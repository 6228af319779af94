"""The documents say what the program does: what is compared here cannot drift."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup

from harken.cli.app import build_app

ROOT = Path(__file__).parent.parent


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=;\s\[]", line)[0] for line in requirements}


def test_every_dependency_has_its_reason() -> None:
    """docs/dependencies.md has a row for each package of pyproject.toml, and no other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    expected = _names(project["project"]["dependencies"]) | _names(project["dependency-groups"]["dev"])
    for extra in project["project"]["optional-dependencies"].values():
        expected |= _names(extra)
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z0-9, -]+) \|", page, flags=re.MULTILINE)
    told = {name.strip() for row in rows for name in row.split(",")} - {"package", "---"}
    assert told == expected


def test_every_dependency_is_pinned() -> None:
    """constraints.txt holds an exact version of everything that is named anywhere."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = _names(project["project"]["dependencies"]) | _names(project["dependency-groups"]["dev"])
    named |= _names(project["build-system"]["requires"])
    for extra in project["project"]["optional-dependencies"].values():
        named |= _names(extra)
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    assert {name.lower().replace("_", "-") for name in named} <= pinned


def test_every_command_and_option_is_documented() -> None:
    """docs/reference/cli.md has a heading for each command and names each of its options."""
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## harken ([\w ]+)\n(.*?)(?=^## |\Z)", page, flags=re.MULTILINE | re.DOTALL))
    commands = dict(_commands("", typer.main.get_command(build_app())))
    assert set(sections) == set(commands)
    for name, command in commands.items():
        options = {
            option
            for parameter in command.params
            if not getattr(parameter, "hidden", False)
            for option in parameter.opts
            if option.startswith("--")
        }
        assert options == set(re.findall(r"^\| `(--[a-z-]+)`", sections[name], flags=re.MULTILINE)), name


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command, or all those of a group, with the words that call it."""
    if isinstance(command, TyperGroup):
        for word, inner in command.commands.items():
            yield from _commands(f"{name} {word}".strip(), inner)
    else:
        yield name, command


@pytest.mark.parametrize(("name", "least"), [("reference/pains.md", 40), ("security.md", 40)])
def test_what_a_page_promises_is_held_by_tests_that_exist(name: str, least: int) -> None:
    """These pages name tests; each of them is in the suite."""
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", page))
    suite = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > least
    assert named <= set(re.findall(r"^def (test_\w+)\(", suite, flags=re.MULTILINE))
