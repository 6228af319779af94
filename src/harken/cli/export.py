"""`harken export`: lays the instances out as `harken up` would, has the text made, and puts it somewhere.

The pure parts are in `ops.export`; here are the looks at this machine (its cores and GPUs, the interpreter, the paths)
and the writing. The invariant: a file is written whole or not at all, and standard output holds the files alone.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from harken.cli.app import config_file, read_config
from harken.config import Config, InstanceConfig, load_config
from harken.errors import ConfigError
from harken.fleet.machine import machine_for
from harken.fleet.plan import plan
from harken.fleet.upstreams import parse_upstreams, parse_weights
from harken.models.store import models_folder
from harken.ops.export import nginx as nginx_files
from harken.ops.export import supervisor as supervisor_files
from harken.ops.export import systemd as systemd_files
from harken.ops.export.document import Document
from harken.ops.export.launch import Launch, Site, launch_of_gateway, launches_of_instances

INSTANCES, GATEWAY = "instances", "gateway"

_HOME = "/var/lib/harken"
_FIRST_FREE_PORT = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What is exported.

    Attributes:
        config: what holds: file, variables and flags.
        file: what the file alone gives.
        path: of the file; "" for none.
    """

    config: Config
    file: Config
    path: str


def read(config: Path | None, settings: list[str] | None) -> Source:
    """Read the configuration, once with and once without what is said beside its file.

    Raises:
        ConfigError: it cannot be, or an upstream is written as none may be.
    """
    path = config_file(config)
    found = read_config(config, settings)
    parse_upstreams(found.fleet.upstreams, None)  # a password in one would be in the unit
    return Source(
        config=_with_absolute_paths(found),
        file=load_config(path),
        path=absolute(path),
    )


def one_of(word: str, flag: str) -> str:
    """Return what is to be run, or stood in front of.

    Raises:
        ConfigError: another word.
    """
    if word not in (INSTANCES, GATEWAY):
        raise ConfigError(f"{flag} must be {INSTANCES} or {GATEWAY}, not {word!r}.")
    return word


def absolute(path: Path | None) -> str:
    """Return a path as another process finds it; "" for none."""
    return "" if path is None else str(path.expanduser().absolute())


def nginx(source: Source, door: nginx_files.Door, what: str) -> Document:
    """Make nginx's configuration."""
    if what == GATEWAY:
        return nginx_files.before_gateway(source.config, door)
    own = source.config.gateway
    if not door.tls_cert and not door.tls_key:
        door = replace(door, tls_cert=own.tls_cert, tls_key=own.tls_key)
    weights = parse_weights(source.config.fleet.weights, source.config.fleet.instances)
    return nginx_files.before_instances(source.config, _instances(source.config), weights, door)


def supervisor(source: Source, what: str, user: str, log_folder: Path, folder: str) -> Document:
    """Make supervisord's configuration; a standalone one is for whoever runs it, and keeps its own state."""
    user = user or ("" if folder else "harken")
    launches = _launches(source, what, folder or _HOME, supervised=True)
    logs = folder or absolute(log_folder)
    document = supervisor_files.programs(launches, user=user, log_folder=logs, folder=folder)
    return _noting(source.config, what, document)


def systemd(source: Source, what: str, user: str) -> Document:
    """Make systemd's units."""
    launches = _launches(source, what, _HOME)
    config = source.config
    devices = {one.device for one in _instances(config)} if config.fleet.instances else set[str]()
    read_paths = [sys.executable, sys.prefix, source.path, config.gateway.tls_cert, config.gateway.tls_key]
    read_paths += [config.models.folder, config.instance.model, config.instance.aligner, *config.jobs.paths.split(":")]
    house = systemd_files.House(
        user=user,
        has_gpu=bool(devices - {"cpu"}),
        has_model=what == INSTANCES or bool(config.fleet.instances),
        state_folder=launches[0].environment["HARKEN_STATE_FOLDER"],
        read=tuple(path for path in read_paths if path.startswith("/")),
        has_low_port=0 < config.gateway.port < _FIRST_FREE_PORT and what == GATEWAY,
    )
    if what == GATEWAY:
        return _noting(config, what, systemd_files.gateway_unit(launches[0], house))
    return _noting(config, what, systemd_files.instance_units(launches, house))


def put(document: Document, output: Path | None) -> int:
    """Write the files, or print them; what their reader has to know goes to standard error.

    Returns:
        The exit code.

    Raises:
        ConfigError: a file cannot be written there.
    """
    for note in document.notes:
        print(f"harken: {note}", file=sys.stderr)
    if output is None:
        headings = len(document.files) > 1
        sys.stdout.write(
            "".join(f"# --- {name}\n{text}" if headings else text for name, text in document.files.items())
        )
        return 0
    is_folder = len(document.files) > 1 or output.is_dir()
    try:
        for name, text in document.files.items():
            path = output / name if is_folder else output
            if is_folder:
                path.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(path, text)
            print(f"harken: wrote {path}", file=sys.stderr)
    except OSError as error:
        raise ConfigError(f"Cannot write {error.filename or output}: {error.strerror or error}.") from error
    return 0


def _launches(source: Source, what: str, home: str, *, supervised: bool = False) -> tuple[Launch, ...]:
    state = source.config.state.folder or (home if home == _HOME else f"{home}/state")
    site = Site(
        python=sys.executable,
        config_file=source.path,
        home=home,
        state_folder=state,
        models_folder=source.config.models.folder,
    )
    if what == GATEWAY:
        return (launch_of_gateway(source.config, source.file, site),)
    made = launches_of_instances(_instances(source.config), source.config, source.file, site)
    # supervisord holds its programs' standard input open, so they can leave with it as a fleet's instances do.
    return tuple(replace(one, command=(*one.command, "--supervised")) for one in made) if supervised else made


def _noting(config: Config, what: str, document: Document) -> Document:
    """Add what the processes need and no file can hold."""
    notes = document.notes
    if what == INSTANCES and config.fleet.mps != "off":
        notes += ("fleet.mps is not in it: only harken up runs the daemon that instances share a GPU by.",)
    if what == GATEWAY:
        variables = re.findall(r"key_env=([^&\s]+)", config.fleet.upstreams)
        notes += tuple(f"{name}, an upstream's key, must be in the service's environment." for name in variables)
    return replace(document, notes=notes)


def _instances(config: Config) -> tuple[InstanceConfig, ...]:
    return plan(config, machine_for(config)) if config.fleet.instances else ()


def _with_absolute_paths(config: Config) -> Config:
    """Other processes have other working directories."""
    own = config.instance
    model, aligner = (absolute(Path(word)) if _is_folder(word) else word for word in (own.model, own.aligner))
    cert, key = (absolute(Path(path)) if path else "" for path in (config.gateway.tls_cert, config.gateway.tls_key))
    folder = absolute(Path(config.state.folder)) if config.state.folder else ""
    return replace(
        config,
        instance=replace(own, model=model, aligner=aligner),
        gateway=replace(config.gateway, tls_cert=cert, tls_key=key),
        state=replace(config.state, folder=folder),
        models=replace(config.models, folder=str(models_folder(config.models, os.environ))),
    )


def _write_whole(path: Path, text: str) -> None:
    """Replace a file by another in one step; a symbolic link keeps leading to what it led to."""
    target = path.resolve()
    descriptor, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(0o644)
        Path(draft).replace(target)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _is_folder(word: str) -> bool:
    return "/" in word and Path(word).is_dir()
