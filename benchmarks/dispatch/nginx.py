"""The text of nginx's configuration: the deployment guide's balancer, its relatives, and a plain proxy.

Pure: addresses in, text out. What is the guide's (weights, body size, time-outs, headers, /health) is kept to the
letter; what nginx only needs to run beside others without root's folders is in `_MAIN`. The invariant: two balancers
differ in their `upstream` block and in nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

GUIDE_WEIGHTS = (3, 3, 2, 2)
"""Of the guide's four instances."""

GUIDE_TIMEOUT_S = 300.0
"""The guide's, for body, connect, send and read alike."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Balancing:
    """How an upstream block spreads requests.

    Attributes:
        weights: of the servers in order; () for equal ones.
        is_least_conn: fewest connections instead of taking turns.
    """

    weights: tuple[int, ...] = ()
    is_least_conn: bool = False


def configuration(
    urls: Sequence[str], balancing: Balancing, *, port: int, folder: str, timeout_s: float = GUIDE_TIMEOUT_S
) -> str:
    """Write a whole nginx.conf.

    Args:
        urls: of the servers behind it, "http://HOST:PORT".
        balancing: how requests are spread.
        port: to listen on, on loopback.
        folder: for the pid, the error log and what nginx puts on the disk.
        timeout_s: the guide's 300 s, or more where the servers are that much slower than its own.
    """
    server = _SERVER.format(port=port, timeout=f"{timeout_s:.0f}s")
    return _MAIN.format(folder=folder, upstream=_upstream(urls, balancing), server=server)


def _upstream(urls: Sequence[str], balancing: Balancing) -> str:
    weights = balancing.weights or (1,) * len(urls)
    lines = []
    if balancing.is_least_conn:
        # Without a zone each worker process counts its own connections only, and sees a half of them or less.
        lines += ["zone asr_backend 256k;", "least_conn;"]
    for url, weight in zip(urls, weights, strict=True):
        lines.append(f"server {urlsplit(url).netloc}" + (f" weight={weight};" if weight > 1 else ";"))
    return "\n        ".join(lines)


_SERVER = """listen 127.0.0.1:{port};
        client_max_body_size 100M;
        client_body_timeout {timeout};

        location / {{
            proxy_pass http://asr_backend;
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_connect_timeout {timeout};
            proxy_send_timeout {timeout};
            proxy_read_timeout {timeout};
        }}

        location /health {{
            proxy_pass http://asr_backend/health;
        }}"""

_MAIN = """daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log error;

events {{
    worker_connections 8192;
}}

http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;

    upstream asr_backend {{
        {upstream}
    }}

    server {{
        {server}
    }}
}}
"""
