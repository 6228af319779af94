"""systemd's units: the gateway as one service, or each instance as one of a template; with little left to break into.

Pure. Owns the sandbox and how values are written for systemd, which expands `%` and `$` and knows C's escapes. It does
not know whether a system has what a line asks for: systemd ignores what it cannot do. The invariant: whatever runs in
a unit may write below its state folder and nowhere else, and can gain no right that it did not start with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from harken.errors import ConfigError
from harken.ops.export.document import HEADING, Document, check_plain, notes_on
from harken.ops.export.launch import Launch
from harken.ops.export.systemd_text import CPU_DEVICES, ENVIRONMENT_FOLDER, GPU_DEVICES, NO_NEW_CODE, SERVICE

GATEWAY = "harken.service"
INSTANCE = "harken-instance@.service"
STATE_FOLDER = "/var/lib/harken"
"""What StateDirectory= makes."""

_HOMES = ("/home", "/root", "/run/user")


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """What the units may use.

    Attributes:
        user: whose the processes are.
        has_gpu: an instance may take a GPU.
        has_model: a model is loaded in the unit; torch's libraries write code while they run.
        state_folder: where jobs and keys are kept.
        read: other paths that are read: the interpreter, the configuration, models.
        has_low_port: it listens on a port below 1024, which belongs to the system.
    """

    user: str
    has_gpu: bool
    has_model: bool
    state_folder: str
    read: tuple[str, ...] = ()
    has_low_port: bool = False


def gateway_unit(launch: Launch, house: House) -> Document:
    """Write harken.service.

    Raises:
        ConfigError: a value that systemd cannot be told.
    """
    surroundings = "".join(
        f"Environment={_word(f'{name}={text}', name)}\n" for name, text in launch.environment.items()
    )
    text = _service(launch, house, "Harken, speech recognition: gateway", surroundings)
    use = f"# Install: /etc/systemd/system/{GATEWAY}, then: systemctl daemon-reload && systemctl enable --now harken\n"
    return Document(files={GATEWAY: _heading(house) + use + text}, notes=notes_on([launch]))


def instance_units(launches: Sequence[Launch], house: House) -> Document:
    """Write harken-instance@.service, and for each instance a file of variables that the template reads.

    Raises:
        ConfigError: a value that systemd cannot be told.
    """
    surroundings = f"EnvironmentFile={ENVIRONMENT_FOLDER}/%i.env\n"
    text = _service(launches[0], house, "Harken, speech recognition: instance %i", surroundings)
    names = " ".join(f"harken-instance@{launch.name}" for launch in launches)
    use = (
        f"# Install: /etc/systemd/system/{INSTANCE}, and the .env files into {ENVIRONMENT_FOLDER}, then:\n"
        f"#   systemctl daemon-reload && systemctl enable --now {names}\n"
    )
    files = {INSTANCE: _heading(house) + use + text}
    for launch in launches:
        lines = [f"{name}={_in_file(text, name)}\n" for name, text in launch.environment.items()]
        files[f"{launch.name}.env"] = f"# {HEADING.format(tool='systemd')}\n" + "".join(lines)
    return Document(files=files, notes=notes_on(launches))


def _heading(house: House) -> str:
    return (
        f"# {HEADING.format(tool='systemd')}\n"
        f"# Its user: useradd --system --home-dir {STATE_FOLDER} --shell /usr/sbin/nologin {house.user}\n"
    )


def _service(launch: Launch, house: House, description: str, surroundings: str) -> str:
    if not re.fullmatch(r"[a-zA-Z_][\w.-]*\$?", house.user):
        raise ConfigError(f"--user must be the name of a user, not {house.user!r}.")
    is_at_home = any(_is_below(path, home) for path in (house.state_folder, *house.read) for home in _HOMES)
    is_own_state = _is_below(house.state_folder, STATE_FOLDER)
    return SERVICE.format(
        description=description,
        command=" ".join(_word(part, "The command").replace("$", "$$") for part in launch.command),
        user=house.user,
        but=" but for its port" if house.has_low_port else "",
        capabilities="CAP_NET_BIND_SERVICE" if house.has_low_port else "",
        environment=surroundings,
        stop_s=launch.stop_s,
        home="read-only" if is_at_home else "yes",
        write="" if is_own_state else f"ReadWritePaths={_word(house.state_folder, 'state.folder')}\n",
        devices=GPU_DEVICES if house.has_gpu else CPU_DEVICES,
        code="" if house.has_model else NO_NEW_CODE,
    )


def _is_below(path: str, folder: str) -> bool:
    return PurePosixPath(path).is_relative_to(folder)


def _word(text: str, what: str) -> str:
    """Write one word of a line; specifiers are not expanded."""
    check_plain(text, what)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def _in_file(text: str, what: str) -> str:
    """Write a value of an EnvironmentFile, where `%` is itself."""
    check_plain(text, what)
    return '"' + re.sub(r'(["\\$`])', r"\\\1", text) + '"'
