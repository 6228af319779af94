"""A Dockerfile as data: stages, and the steps of each with their variables filled in.

Pure. Owns the part of the language that ours uses: FROM, ARG, ENV, RUN, COPY, WORKDIR, USER, EXPOSE, ENTRYPOINT, CMD
and HEALTHCHECK; comments, continued lines, `$NAME` and `${NAME}`. It refuses to know how a step is carried out. The
invariant: what it does not understand is an error, never left out.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

KNOWN = ("ARG", "ENV", "RUN", "COPY", "WORKDIR", "USER", "EXPOSE", "ENTRYPOINT", "CMD", "HEALTHCHECK")

BASE_ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
"""What every image has without saying so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One instruction.

    Attributes:
        word: which, in capitals.
        flags: `--name=value` before the rest.
        rest: all after the flags, on one line.
    """

    word: str
    flags: Mapping[str, str]
    rest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """What stands between one FROM and the next.

    Attributes:
        name: after AS.
        base: an image, or the name of an earlier stage.
        steps: in their order.
    """

    name: str
    base: str
    steps: tuple[Step, ...]


@dataclass(kw_only=True, slots=True)
class Settings:
    """What steps so far have set for those that follow, and for what runs in the end."""

    env: dict[str, str] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def take(self, step: Step, build_args: Mapping[str, str]) -> None:
        """Follow a step that only sets something; others change nothing here."""
        match step.word:
            case "ARG":
                name, _, default = step.rest.partition("=")
                self.args[name] = build_args.get(name, self.filled(default))
            case "ENV":
                self.env |= dict(one.split("=", 1) for one in shlex.split(self.filled(step.rest)))
            case "WORKDIR":
                self.folder = self.filled(step.rest)
            case "USER":
                self.user = self.filled(step.rest)
            case "ENTRYPOINT":
                self.entrypoint = json.loads(step.rest)
            case "CMD":
                self.command = json.loads(step.rest)
            case "HEALTHCHECK":
                self.health = json.loads(step.rest.removeprefix("CMD"))

    def filled(self, text: str) -> str:
        """A text with the variables that are set by now; others are empty."""
        known = {**self.args, **self.env}
        return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda found: known.get(found[1] or found[2], ""), text)


def parse(text: str, build_args: Mapping[str, str]) -> dict[str, Stage]:
    """Read a Dockerfile: its stages by name.

    Args:
        text: of the file.
        build_args: name → value, in place of an ARG's default.

    Raises:
        ValueError: an instruction that is not known here.
    """
    stages: dict[str, Stage] = {}
    outside = Settings()
    name, base, steps = "", "", list[Step]()
    for word, rest in _instructions(text):
        if word == "FROM":
            if name:
                stages[name] = Stage(name=name, base=base, steps=tuple(steps))
            base, _, name = outside.filled(rest).partition(" AS ")
            if not name:
                raise ValueError(f"a stage without a name: FROM {rest}")
            steps = []
        elif word not in KNOWN:
            raise ValueError(f"unknown instruction {word}")
        elif name:
            steps.append(_step(word, rest))
        else:
            outside.take(_step(word, rest), build_args)
    stages[name] = Stage(name=name, base=base, steps=tuple(steps))
    return stages


def settings_of(stages: Mapping[str, Stage], name: str, build_args: Mapping[str, str]) -> Settings:
    """What holds at the end of a stage, that of its bases included, without carrying anything out."""
    stage = stages[name]
    found = settings_of(stages, stage.base, build_args) if stage.base in stages else Settings(env=dict(BASE_ENV))
    found.args = {}
    for step in stage.steps:
        found.take(step, build_args)
    return found


def needed(stages: Mapping[str, Stage], target: str) -> list[str]:
    """The stages that a target is made of, each after those that it needs, itself last."""
    found: list[str] = []

    def visit(name: str) -> None:
        if name not in stages or name in found:
            return
        visit(stages[name].base)
        for step in stages[name].steps:
            visit(step.flags.get("from", ""))
        found.append(name)

    visit(target)
    return found


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ")
    pairs = [line.strip().partition(" ") for line in whole.splitlines() if line.strip()]
    return [(word.upper(), " ".join(rest.split())) for word, _, rest in pairs]


def _step(word: str, rest: str) -> Step:
    flags: dict[str, str] = {}
    while found := re.match(r"--([\w-]+)=(\S+)\s+", rest) if word in ("COPY", "HEALTHCHECK") else None:
        flags[found[1]] = found[2]
        rest = rest[found.end() :]
    return Step(word=word, flags=flags, rest=rest)
