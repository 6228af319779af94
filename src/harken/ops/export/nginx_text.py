"""The parts of an nginx configuration, each with the reason why it says what it says.

Text with `{fields}` alone; who puts the parts together is `nginx`. Tried against nginx 1.22 (Debian 12). The invariant:
the parts name the same upstream, `harken`, and the same map, `$harken_*`.
"""

from __future__ import annotations

import json
import re

USE_ON_DEBIAN = """# A part of Debian's nginx: put it into /etc/nginx/conf.d/harken.conf, then:
#   nginx -t && systemctl reload nginx
"""

ZONE = """
limit_req_zone $binary_remote_addr zone=harken_rate:10m rate={rate}r/s;
"""

RATE = "        limit_req zone=harken_rate burst={burst} nodelay;\n        limit_req_status 429;\n"
"""For recordings and jobs; whoever looks at /health is not counted."""

UPSTREAM = """
upstream harken {{
    zone harken 256k; # the worker processes count together, else each has weights of its own
    {servers}
    keepalive 64;
    keepalive_timeout 2s; # an instance closes after 5 s; a POST must not meet a connection that is just being closed
}}
"""

LIVE_UPSTREAM = """
# Those who speak stay for long, so they go where the fewest are. And nobody is set aside here: a 503 says that an
# instance has no room for one more who speaks, and nothing of recordings; and who comes back has to find his own.
upstream harken_live {{
    zone harken_live 256k;
    least_conn;
    {servers}
}}
"""

GATEWAY_UPSTREAM = """
upstream harken {{
    server {server} max_fails=0; # there is no other one
    keepalive 64;
    keepalive_timeout 2s; # the gateway closes after 5 s; a POST must not meet a connection that is just being closed
}}
"""

SERVER = """
server {{
    listen {listen};
    server_name {name};
    access_log {log} harken; # your own place, or "off"
{tls}
    client_max_body_size {body};
    client_body_timeout {timeout};
    client_header_timeout 30s;
    send_timeout {timeout};
    client_body_buffer_size 8m; # four minutes of 16-bit WAV; what is larger goes through the disk
    large_client_header_buffers 4 64k; # as large a head as Harken takes

    proxy_connect_timeout {timeout};
    proxy_send_timeout {timeout};
    proxy_read_timeout {timeout}; # between two reads: what takes longer in silence should be streamed, or a job
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_buffering off; # events of a stream go out as they come
    proxy_buffer_size 16k; # the head of an answer
    proxy_buffers 8 16k;

    # For programs of this machine and for gateways: ask an instance, or the gateway, itself.
    location ^~ /wire {{ return 404; }}
    location ^~ /admin {{ return 404; }}
{locations}
    location @too_large {{
        default_type application/json;
        return 413 $harken_too_large;
    }}
    location @too_many {{
        default_type application/json;
        add_header Retry-After 1 always;
        return 429 $harken_too_many;
    }}
    location @nobody {{
        default_type application/json;
        add_header Retry-After 2 always;
        return 503 $harken_nobody;
    }}
}}
"""

INSTANCES = """
    # A connection that is refused goes to the next instance. A POST that was sent goes to no other one by this rule:
    # a recording that ends an instance must not end them all.
    proxy_next_upstream error timeout http_503;
    proxy_next_upstream_tries 4;

    location / {{
{rate}        proxy_pass http://harken;
        # 503 means that the instance did not accept it (it loads, drains, or is full): once more, to the next one.
        proxy_intercept_errors on;
        error_page 503 = @again;
        error_page 502 = @nobody;
    }}
    location /v1/jobs {{
{rate}        client_max_body_size {job_body};
        proxy_pass http://harken;
        error_page 502 = @nobody;
        error_page 413 = @too_large;
    }}
    location @again {{
        proxy_pass http://harken;
        error_page 502 = @nobody;
    }}
    # Each call shows one instance, by its name, as it is.
    location /health {{
        access_log off;
        proxy_next_upstream error timeout;
        proxy_connect_timeout 5s;
        proxy_read_timeout 5s;
        proxy_pass http://harken;
        error_page 502 = @nobody;
    }}
"""

GATEWAY = """
    # The gateway chooses, retries and waits; here a request goes through once, and its body is not kept on the way.
    proxy_next_upstream off;
    proxy_request_buffering off;
    error_page 413 = @too_large;
    error_page 429 = @too_many;
    error_page 502 = @nobody;

    location / {{
{rate}        proxy_pass {scheme}://harken;
    }}
    location /v1/jobs {{
{rate}        client_max_body_size {job_body};
        proxy_pass {scheme}://harken;
    }}
    location /health {{
        access_log off;
        proxy_pass {scheme}://harken;
    }}
"""

SPEAKING = """
    # People who speak: WebSockets. The server pings every 20 s, so one that lives is never silent for long. Host has
    # its port here, because a page may connect where it comes from, and nowhere else.
    location ~ ^/v1/(listen|realtime)$ {{
{rate}        proxy_pass {scheme}://{speakers};
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $harken_connection;
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        error_page 502 = @nobody;
{elsewhere}    }}
"""

ELSEWHERE = """
        # Who comes back to a session finds it at one instance alone; each other one says 404, and never counts as
        # failed for it. A handshake that is refused may be sent again.
        proxy_next_upstream error timeout http_503 http_404;
        proxy_next_upstream_tries 0; # each instance once
"""

TLS = """
    ssl_certificate {cert};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:harken_tls:10m;
"""

REDIRECT = """
server {{
    listen 80;
    server_name {name};
    access_log {log} harken;
    return 308 https://$host$request_uri;
}}
"""

STANDALONE = """# A whole nginx.conf, for trying it out as an ordinary user:
#   nginx -e {folder}/nginx.log -c {folder}/nginx.conf
daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;

events {{
    worker_connections 4096;
}}

http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{inner}}}
"""


LOG = """
# As nginx's own format ("combined"), but without queries: who comes back to a live session has its ID, a secret, there.
log_format harken '$remote_addr - $remote_user [$time_local] "$request_method $uri $server_protocol" '
                  '$status $body_bytes_sent "$http_referer" "$http_user_agent"';
"""

DEBIAN_LOG = "/var/log/nginx/access.log"
"""Where Debian's nginx writes, also unless it is told."""


def maps() -> str:
    """Write what nginx says itself where Harken cannot, in Harken's own shape."""
    sayings = (
        ("harken_too_large", "The upload is too large.", "invalid_request_error", "upload_too_large"),
        ("harken_nobody", "No instance answers.", "server_error", "no_ready_instance"),
        ("harken_too_many", "Too many requests from this address.", "invalid_request_error", "rate_limit_exceeded"),
    )
    written = "".join(_map(*saying) for saying in sayings)
    heading = "\n# What nginx says itself, in Harken's words: /asr has its own shape, all else has OpenAI's.\n"
    return f"{heading}{written}map $http_upgrade $harken_connection {{\n    '' '';\n    default upgrade;\n}}\n"


def tidy(text: str) -> str:
    """Leave at most one empty line between parts."""
    return re.sub(r"\n{3,}", "\n\n", text)


def indent(text: str) -> str:
    """Move a part into a block."""
    return "".join(f"    {line}" if line.strip() else line for line in text.splitlines(keepends=True))


def _map(name: str, message: str, kind: str, code: str) -> str:
    short = json.dumps({"error": message, "code": code})
    long = json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})
    return f"map $uri ${name} {{\n    /asr '{short}';\n    default '{long}';\n}}\n"
