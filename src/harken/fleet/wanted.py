"""What operators want of a running fleet, and whether that still counts at the next start.

Pure, but for reading and writing the one file. A decision is kept beside what the configuration said when it was made;
once the configuration says something else, its word counts again: whoever edits harken.toml is obeyed. The invariant:
the file is replaced as a whole, so a crash leaves the old decision or the new one.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harken.config import Config
from harken.state.whole_file import replace_file

FILE = "fleet.json"
_VERSION = 1
_INSTANCES_MAX = 10_000
_PORT_MAX = 65_535
_NAME = re.compile(r"asr-[1-9]\d{0,4}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What should run.

    Attributes:
        instances: how many, not counting the stopped ones.
        model: which, as `--model` has it.
        stopped: names of instances that were taken out of service.
        autoscale: `autoscale.mode`: a count that the autoscaler chose is none that a person did.
    """

    instances: int
    model: str
    stopped: tuple[str, ...] = ()
    autoscale: str = "off"


def configured(config: Config) -> Wanted:
    """What the configuration says."""
    return Wanted(instances=config.fleet.instances, model=config.instance.model, autoscale=config.autoscale.mode)


def recall(config: Config, text: str) -> Wanted:
    """Decide what counts at a start: what was decided, or the configuration.

    Args:
        config: of now.
        text: what the file holds; "" where there is none. Nonsense counts as none.
    """
    own = configured(config)
    try:
        kept = json.loads(text)
        said, wanted = _read(kept["configured"]), _read(kept["wanted"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return own
    is_current = said == own and kept.get("version") == _VERSION
    return wanted if is_current and _has_ports(config, wanted) else own


def _has_ports(config: Config, wanted: Wanted) -> bool:
    """Whether so many instances would have ports of their own: the names of the stopped ones are taken."""
    first = config.fleet.first_port
    last = first + wanted.instances + len(wanted.stopped) - 1
    highest = max((first + int(name.rpartition("-")[2]) - 1 for name in wanted.stopped), default=0)
    return not first or (max(last, highest) <= _PORT_MAX and not first <= config.gateway.port <= max(last, highest))


def describe(config: Config, wanted: Wanted) -> str:
    """Write a decision as the file's text."""
    kept = {"version": _VERSION, "configured": _fields(configured(config)), "wanted": _fields(wanted)}
    return json.dumps(kept, ensure_ascii=False, indent=2) + "\n"


def read_file(folder: Path) -> str:
    """Read the file in a run folder; "" where it cannot be read."""
    try:
        return (folder / FILE).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def write_file(folder: Path, text: str) -> None:
    """Replace the file in a run folder.

    Raises:
        OSError: it cannot be written; the old one is as it was.
    """
    replace_file(folder / FILE, text)


def _fields(wanted: Wanted) -> dict[str, Any]:
    return dataclasses.asdict(wanted)


def _read(fields: dict[str, Any]) -> Wanted:
    instances, model, stopped = fields["instances"], fields["model"], fields["stopped"]
    autoscale = fields["autoscale"]
    is_right = (
        isinstance(instances, int)
        and not isinstance(instances, bool)
        and 0 <= instances <= _INSTANCES_MAX
        and isinstance(model, str)
        and isinstance(autoscale, str)
        and isinstance(stopped, list)
        and all(isinstance(name, str) and _NAME.fullmatch(name) for name in stopped)
    )
    if not is_right:
        raise ValueError("not what was written")
    return Wanted(instances=instances, model=model, stopped=tuple(stopped), autoscale=autoscale)
