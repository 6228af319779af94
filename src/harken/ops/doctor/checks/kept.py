"""Places: ports that are free, a state folder that can be written, descriptors enough. Pure."""

from __future__ import annotations

from harken.ops.doctor.facts import Facts, Port
from harken.ops.doctor.finding import Finding, failed, ok, warning
from harken.ops.doctor.words import gigabytes

STATE_SPARE_BYTES = 5_000_000_000
STATE_LEAST_BYTES = 100_000_000

SHOWN = 9
"""Ports that are told one by one."""

DESCRIPTORS_LEAST, DESCRIPTORS_GOOD = 256, 4096
"""A gateway needs one for each connection and six for each instance."""


def check_ports(facts: Facts) -> Finding:
    """All ports of the fleet."""
    ports = facts.places.ports
    taken = [port for port in ports if port.problem]
    if not ports:
        return ok("ports", "the system chooses them")
    if not taken:
        return ok("ports", f"free: {_listed(ports)}")
    flags = {"gateway": "--port"}
    step = " and ".join(dict.fromkeys(flags.get(port.owner, "--first-port") for port in taken))
    remedy = f"end who has it (harken status, if it is one of yours), or choose others: {step}"
    more = f" And {len(taken) - SHOWN} more." if len(taken) > SHOWN else ""
    return failed("ports", " ".join(port.problem for port in taken[:SHOWN]) + more, remedy)


def check_state(facts: Facts) -> Finding:
    """The state folder, and its disk."""
    disk = facts.places.state
    if not disk.is_writable:
        return failed("state folder", f"{disk.folder}: {disk.problem}", "--set state.folder=FOLDER that can be written")
    found = f"{disk.folder}, {gigabytes(disk.free_bytes)} free"
    if disk.free_bytes is not None and disk.free_bytes < STATE_LEAST_BYTES:
        return failed("state folder", found, "free some of that disk, or --set state.folder=FOLDER on another one")
    if disk.free_bytes is not None and disk.free_bytes < STATE_SPARE_BYTES:
        return warning("state folder", f"{found}: recordings of jobs are kept there", "free some of that disk")
    return ok("state folder", found)


def check_descriptors(facts: Facts) -> Finding:
    """How many connections there can be."""
    limit = facts.places.descriptors
    needed = DESCRIPTORS_LEAST + 6 * facts.config.fleet.instances
    step = "ulimit -Hn 65536; or LimitNOFILE=65536 in a systemd unit"
    if limit < needed:
        return failed("descriptors", f"at most {limit} files and sockets; {needed} are needed", step)
    if limit < DESCRIPTORS_GOOD:
        return warning("descriptors", f"at most {limit} files and sockets: few clients at once", step)
    return ok("descriptors", f"{limit} files and sockets")


def check_unknown(facts: Facts) -> Finding | None:
    """Looks that did not come to an end."""
    if not facts.unknown:
        return None
    return warning("time", f"no answer in time about: {', '.join(facts.unknown)}", "run harken doctor again")


def _listed(ports: tuple[Port, ...]) -> str:
    more = f" and {len(ports) - SHOWN} more" if len(ports) > SHOWN else ""
    return ", ".join(f"{port.number} ({port.owner})" for port in ports[:SHOWN]) + more


KEPT_CHECKS = (check_ports, check_state, check_descriptors, check_unknown)
