"""prometheus.yml: what is scraped where, under which name, with which key.

Owns the two jobs: servers that clients talk to, and the insides of a gateway's instances. A gateway tells everything
about its instances but the stages that only the engine sees, so of the instances nothing else is kept: their other
series would be counted twice. The invariant: no secret is written, only where one is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harken.ops.export.monitoring.alerts import JOB
from harken.ops.export.monitoring.rules import quoted

INSIDE = "harken-instances"
ENGINE_STAGES = ("wait", "prefill", "generate", "align")

_TIMEOUT_S = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Scraping:
    """How Prometheus gets the figures.

    Attributes:
        cluster: the name of all of it, as a label.
        addresses: HOST:PORT of servers that clients talk to.
        inside: HOST:PORT of a gateway's instances; those that are not there are no matter.
        is_hidden: it has instances, and nobody knows their ports before they start.
        is_https: whether the servers have a certificate.
        is_checked: whether it must be theirs; not on the same machine, where it is for another name.
        key_file: a file with a key on Prometheus's machine; "" for none.
        interval_s: between two looks.
    """

    cluster: str
    addresses: Sequence[str]
    inside: Sequence[str] = ()
    is_hidden: bool = False
    is_https: bool = False
    is_checked: bool = True
    key_file: str = ""
    interval_s: int = 15


def prometheus_file(scraping: Scraping, *, heading: str, rules: Sequence[str]) -> str:
    """Write prometheus.yml.

    Args:
        scraping: of what.
        heading: a comment for its first line.
        rules: names of rule files beside it.
    """
    lines = [
        f"# {heading}",
        "# prometheus --config.file=prometheus.yml; for one that is there already: copy the two rule files beside its",
        "# own, and the jobs into its scrape_configs.",
        "global:",
        f"  scrape_interval: {scraping.interval_s}s",
        f"  scrape_timeout: {min(scraping.interval_s, _TIMEOUT_S)}s",
        f"  evaluation_interval: {scraping.interval_s}s",
        "rule_files:",
        *(f"  - {name}" for name in rules),
        "# Who is told, by an Alertmanager:",
        "# alerting:",
        "#   alertmanagers:",
        '#     - static_configs: [{targets: ["127.0.0.1:9093"]}]',
        "scrape_configs:",
        "  # What clients talk to. Rules look for this name in `up` alone.",
        *_job(JOB, scraping.addresses, scraping.cluster),
        *_entrance(scraping),
    ]
    if scraping.inside:
        lines += [
            "  # The engines inside: the one thing that the gateway does not know. Instances that are not there are no",
            "  # matter; everything else about them is told by the gateway, and would be counted twice. A gateway",
            "  # that was started with a --first-port of its own has them elsewhere: then remove this job.",
            *_job(INSIDE, scraping.inside, scraping.cluster),
            "    metric_relabel_configs:",
            "      - source_labels: [__name__, stage]",
            f"        regex: harken_stage_seconds_[a-z]+;({'|'.join(ENGINE_STAGES)})",
            "        action: keep",
        ]
    if scraping.is_hidden:
        lines += [
            "  # The engines inside are not scraped: with fleet.first_port = 0 the system chooses their ports. For",
            "  # their stages set fleet.first_port to a port of your own, such as 7861, and export again.",
        ]
    return "\n".join(lines) + "\n"


def _job(name: str, addresses: Sequence[str], cluster: str) -> list[str]:
    targets = ", ".join(quoted(address) for address in addresses)
    return [
        f"  - job_name: {name}",
        "    static_configs:",
        f"      - targets: [{targets}]",
        f"        labels: {{cluster: {quoted(cluster)}}}",
    ]


def _entrance(scraping: Scraping) -> list[str]:
    lines = []
    if scraping.is_https:
        lines.append("    scheme: https")
        if not scraping.is_checked:
            lines.append("    tls_config: {insecure_skip_verify: true} # loopback: its certificate is for another name")
    if scraping.key_file:
        lines.append(f"    authorization: {{credentials_file: {quoted(scraping.key_file)}}}")
    return lines
