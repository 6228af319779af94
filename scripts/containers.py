"""Running a command as a container would, with util-linux alone: its own root, processes, network and no privileges.

Owns the order: namespaces, mounts, then the root, then the user. It refuses to know what is run. Needs root on Linux.
The invariant: what was mounted is mounted in a namespace of its own, and so goes with the last process in it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """How a command is run.

    Attributes:
        root: the folder that it sees as /.
        env: all of its variables.
        folder: where it starts, inside.
        user: "uid:gid", by number.
        binds: path on this machine → path inside; mounted before it starts.
        empty: paths inside that are writable and empty.
        is_read_only: nothing but `binds` and `empty` can be written to.
        is_copy: what is written goes into memory and is gone afterwards; `root` stays as it is.
        network: a namespace's path or name that it joins; "" for this machine's network, "none" for a new one with
            loopback alone.
    """

    root: Path
    env: Mapping[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0:0"
    binds: Mapping[str, str] = field(default_factory=dict)
    empty: Sequence[str] = ()
    is_read_only: bool = False
    is_copy: bool = False
    network: str = ""


def check_means(*programs: str) -> None:
    """End the program with a sentence where it cannot do what this module needs, or lacks one of these programs."""
    ends_by_signals()
    if os.geteuid() != 0:
        sys.exit("It needs root: namespaces, mounts and other users.")
    needed = ("unshare", "nsenter", "setpriv", "chroot", "mount", *programs)
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        sys.exit(f"Not installed: {', '.join(missing)}. See scripts/install-system-packages.sh deploy.")


def check_images(folder: Path, *targets: str) -> None:
    """End the program with a sentence where a target was not built."""
    for target in targets:
        if not (folder / target / "opt" / "harken").is_dir():
            sys.exit(f"{folder} has no {target}: python -m scripts.run_dockerfile {target} --keep --folder {folder}")


def command_for(box: Box, command: Sequence[str]) -> list[str]:
    """The command line that runs `command` in a box; it ends when that does, and the other way round."""
    uid, gid = box.user.split(":")
    variables = [f"{name}={value}" for name, value in box.env.items()]
    rights = ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"] if uid != "0" else []
    inner = ["env", "-i", *variables, "setpriv", f"--reuid={uid}", f"--regid={gid}", *(rights or ["--keep-groups"])]
    there = ["sh", "-c", f"cd {shlex.quote(box.folder)} && exec {shlex.join([*inner, *command])}"]
    script = "\n".join(["set -e", *_mounts(box), f'exec chroot "$root" {shlex.join(there)}'])
    spaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--ipc", "--uts"]
    if box.network == "none":
        script = f"ip link set lo up\n{script}"
        spaces.append("--net")
    elif box.network:
        spaces = ["nsenter", f"--net={box.network}", *spaces]
    return [*spaces, "sh", "-c", script]


def start(box: Box, command: Sequence[str], log: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """Start a command; Ctrl-C is for us, who stop it then as it wants to be stopped."""
    return subprocess.Popen(command_for(box, command), stdout=log, stderr=log, start_new_session=True)


def stop(process: subprocess.Popen[bytes], patience_s: float) -> int | None:
    """SIGTERM to the first process of a box, as an engine sends it; its exit code, None if it had to be killed."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if process.poll() is None:
        subprocess.run(["kill", "-TERM", *children.read_text(encoding="ascii").split()], check=False)
    try:
        return process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return None


def ends_by_signals() -> None:
    """Let SIGTERM end the program as Ctrl-C does: what was started is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))


def run(box: Box, command: Sequence[str], *, is_quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; what it says is ours, or kept where it `is_quiet`."""
    return subprocess.run(command_for(box, command), check=False, text=True, capture_output=is_quiet)


def network_of(process: subprocess.Popen[bytes]) -> str:
    """The network namespace of what `command_for` started."""
    return f"/proc/{process.pid}/ns/net"


def certificates() -> dict[str, str]:
    """Who is trusted, and how names are looked up, as on this machine: builders behind a proxy have these, too."""
    places = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt")
    return {place: place for place in places if os.path.exists(place)}  # noqa: PTH110 - pairs of paths inside and out


def _mounts(box: Box) -> list[str]:
    """Lines of a shell after which `$root` has all that is to be seen."""
    lines = [f"root={shlex.quote(str(box.root))}"]
    if box.is_copy:
        lines += [
            "above=$(mktemp -d); mount -t tmpfs tmpfs $above; mkdir $above/kept $above/work $above/root",
            "mount -t overlay overlay -o lowerdir=$root,upperdir=$above/kept,workdir=$above/work $above/root",
            "root=$above/root",
        ]
    else:
        lines.append('mount --bind "$root" "$root"')
    lines += ['mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"']
    lines += [_onto(outside, inside) for outside, inside in box.binds.items()]
    lines += [f'mount -t tmpfs -o mode=1777 tmpfs "$root"{shlex.quote(place)}' for place in box.empty]
    if box.is_read_only:
        lines.append('mount -o remount,bind,ro "$root"')
    return lines


def _onto(outside: str, inside: str) -> str:
    source, place = shlex.quote(outside), f'"$root"{shlex.quote(inside)}'
    return (
        f"if [ -d {source} ]; then mkdir -p {place}; "
        f'else mkdir -p "$(dirname {place})"; [ -e {place} ] || touch {place}; fi; mount --bind {source} {place}'
    )
