"""The configurations of nginx that the dispatcher's benchmark compares with."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from benchmarks.dispatch.arms import ARMS
from benchmarks.dispatch.nginx import GUIDE_WEIGHTS, Balancing, configuration
from benchmarks.dispatch.servers import nginx_program

URLS = tuple(f"http://127.0.0.1:{port}" for port in (7861, 7862, 7863, 7864))
BALANCERS = {arm.balancing for arm in ARMS.values() if arm.balancing is not None}


def test_the_guide_s_configuration_is_kept_to_the_letter(tmp_path: Path) -> None:
    """Weights 3, 3, 2, 2; 100 MB; 300 s for body, connect, send and read; three headers; /health passed through."""
    text = configuration(URLS, Balancing(weights=GUIDE_WEIGHTS), port=7860, folder=str(tmp_path))
    assert re.findall(r"server 127.0.0.1:(\d+) weight=(\d);", text) == [
        ("7861", "3"), ("7862", "3"), ("7863", "2"), ("7864", "2"),
    ]  # fmt: skip
    assert "client_max_body_size 100M;" in text
    assert dict(re.findall(r"(\w+_timeout) (\w+);", text)) == dict.fromkeys(
        ("client_body_timeout", "proxy_connect_timeout", "proxy_send_timeout", "proxy_read_timeout"), "300s"
    )
    assert dict(re.findall(r"proxy_set_header (\S+) (\S+);", text)) == {
        "Host": "$host",
        "X-Real-IP": "$remote_addr",
        "X-Forwarded-For": "$proxy_add_x_forwarded_for",
    }
    assert "proxy_pass http://asr_backend/health;" in text


def test_balancers_differ_in_their_upstream_alone(tmp_path: Path) -> None:
    """Whatever else is in the file is the same for all of them."""
    texts = [configuration(URLS, one, port=7860, folder=str(tmp_path)) for one in BALANCERS]
    rest = {re.sub(r"upstream asr_backend \{.*?\n    \}", "", text, flags=re.DOTALL) for text in texts}
    assert len(texts) > 1
    assert len(rest) == 1


@pytest.mark.parametrize("balancing", BALANCERS, ids=str)
def test_a_real_nginx_takes_it(balancing: Balancing, tmp_path: Path) -> None:
    """The file passes nginx's own check."""
    file = tmp_path / "nginx.conf"
    file.write_text(configuration(URLS, balancing, port=0x7FFF, folder=str(tmp_path)))
    done = subprocess.run(
        [nginx_program(), "-t", "-q", "-e", str(tmp_path / "log"), "-c", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
