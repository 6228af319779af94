"""supervisord's configuration: the deployment guide's four programs, or one that runs the gateway.

Pure. Owns how values are written so that supervisord reads them as they are: it expands `%`, ends a line at " ;" or
" #" whatever the quotes, and knows no escapes in `environment`. The invariant: what it would read otherwise is refused.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from harken.errors import ConfigError
from harken.ops.export.document import HEADING, Document, check_plain, notes_on
from harken.ops.export.launch import Launch

FILE = "harken.conf"

_PROGRAM = """
[program:{name}]
command={command}
environment={environment}
directory=/
{user}autostart=true
; Not after exit codes 2 and 3: wrong configuration, cannot start as told. Everything else is started again.
autorestart=unexpected
exitcodes=2,3
startretries=3
startsecs=5
stopsignal=TERM
; As long as accepted requests may take to finish, and a little.
stopwaitsecs={stop_s}
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=5
"""

_GROUP = """
[group:harken]
programs={names}
"""

_STANDALONE = """; A whole supervisord.conf, for trying it out as an ordinary user:
;   supervisord -c {folder}/supervisord.conf
;   supervisorctl -c {folder}/supervisord.conf status
[supervisord]
nodaemon=true
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
childlogdir={folder}

[unix_http_server]
file={folder}/supervisor.sock
chmod=0700

[supervisorctl]
serverurl=unix://{folder}/supervisor.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

_ON_DEBIAN = """; A part of Debian's supervisor: put it into /etc/supervisor/conf.d/harken.conf, then:
;   supervisorctl update
; Its user must exist, and the folder of its logs.
"""


def programs(launches: Sequence[Launch], *, user: str, log_folder: str, folder: str) -> Document:
    """Write a program for each process, and a group of all.

    Args:
        launches: the processes.
        user: whose they are; "" for supervisord's own.
        log_folder: where their logs go; it must exist.
        folder: write a whole supervisord.conf that keeps everything there; "" for a part of Debian's.

    Raises:
        ConfigError: a value that supervisord cannot be told.
    """
    parts = [_program(launch, user, log_folder) for launch in launches]
    names = ",".join(launch.name for launch in launches)
    whole = "".join(parts) + _GROUP.format(names=names)
    heading = f"; {HEADING.format(tool='supervisor')}\n"
    if folder:
        head = _STANDALONE.format(folder=value(folder, "--standalone"))
        return Document(files={"supervisord.conf": heading + head + whole}, notes=notes_on(launches))
    return Document(files={FILE: heading + _ON_DEBIAN + whole}, notes=notes_on(launches))


def value(text: str, what: str) -> str:
    """Write a value of a line.

    Raises:
        ConfigError: supervisord would read something else.
    """
    check_plain(text, what)
    if re.search(r"(^|\s)[;#]", text):
        raise ConfigError(f"{what} has a ';' or '#' behind a space, where supervisord ends the line: {text!r}.")
    return text.replace("%", "%%")


def environment(variables: dict[str, str]) -> str:
    """Write variables as supervisord reads them, each in quotes.

    Raises:
        ConfigError: a value with both kinds of quotes, or with one at its end, for which there is no way.
    """
    return ",".join(f"{name}={_in_quotes(name, text)}" for name, text in variables.items())


def _program(launch: Launch, user: str, log_folder: str) -> str:
    if user and not re.fullmatch(r"[a-zA-Z_][\w.-]*\$?", user):
        raise ConfigError(f"--user must be the name of a user, not {user!r}.")
    return _PROGRAM.format(
        name=launch.name,
        command=value(shlex.join(launch.command), "The command"),
        environment=environment(launch.environment),
        user=f"user={user}\n" if user else "",
        stop_s=launch.stop_s,
        log=value(f"{log_folder}/{launch.name}.log", "The log's path"),
    )


def _in_quotes(name: str, text: str) -> str:
    # It strips every quote from both ends of a value, after it has read the value within one kind of them.
    if text != text.strip("'\"") or ('"' in text and "'" in text):
        raise ConfigError(f"{name} has quotes that supervisord cannot be told; put it into the file of --config.")
    quote = "'" if '"' in text else '"'
    return quote + value(text, name) + quote
