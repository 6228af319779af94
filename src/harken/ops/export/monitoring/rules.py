"""What a rule of Prometheus is, and how a file of them is written.

Owns the form of YAML that Prometheus reads: texts as JSON strings, which YAML takes as they are, and expressions as
blocks, which people can read. It refuses to know any metric. The invariant: the same rules are the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["critical", "warning"]
"""critical: people wait in vain now; wake somebody. warning: look at it today."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A figure that is computed once for everybody.

    Attributes:
        name: level:metric:operation, as Prometheus's people have it.
        expr: PromQL.
    """

    name: str
    expr: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """Something that somebody should know.

    Attributes:
        name: in CamelCase; a heading of the runbook.
        expr: PromQL that gives something only while it is so.
        lasts: for how long it must be so, as Prometheus writes it: "5m".
        severity: who is told how fast.
        summary: one line; may have Prometheus's templates.
        description: what it means for whom, with the figure.
    """

    name: str
    expr: str
    lasts: str
    severity: Severity
    summary: str
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Rules that are evaluated one after the other, at the same time."""

    name: str
    rules: tuple[Record | Alert, ...]


def rule_file(groups: Sequence[Group], *, heading: str, runbooks: str) -> str:
    """Write a file of rules.

    Args:
        groups: with their rules.
        heading: a comment for its first line.
        runbooks: where docs/reference/monitoring.md is read.
    """
    lines = [f"# {heading}", "groups:"]
    for group in groups:
        lines += [f"  - name: {group.name}", "    rules:"]
        for rule in group.rules:
            lines += _record(rule) if isinstance(rule, Record) else _alert(rule, runbooks)
    return "\n".join(lines) + "\n"


def _record(rule: Record) -> list[str]:
    return [f"      - record: {rule.name}", *_expr(rule.expr)]


def _alert(rule: Alert, runbooks: str) -> list[str]:
    return [
        f"      - alert: {rule.name}",
        *_expr(rule.expr),
        f"        for: {rule.lasts}",
        "        labels:",
        f"          severity: {rule.severity}",
        "        annotations:",
        f"          summary: {quoted(rule.summary)}",
        f"          description: {quoted(rule.description)}",
        f"          runbook_url: {quoted(f'{runbooks}#{rule.name.lower()}')}",
    ]


def _expr(expr: str) -> list[str]:
    return ["        expr: |-", *(f"          {line}" for line in expr.splitlines())]


def quoted(text: str) -> str:
    """Write a text as YAML and JSON alike take it."""
    return json.dumps(text, ensure_ascii=False)
