"""A folder behind a real nginx, with the page that nginx itself makes of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.pull.hubs import model, sha256
from tests.ops.pull.pulling import PART, contents, do_pull

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")

FILES = model(1024 * 1024 * 2 + 17)


@pytest.fixture(params=["html", "json"])
def nginx(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Serves the model's files at /qwen/."""
    folder = tmp_path / "www" / "qwen"
    folder.mkdir(parents=True)
    for name, body in FILES.items():
        (folder / name).write_bytes(body)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    user = "user root;" if os.geteuid() == 0 else ""
    folders = " ".join(
        f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"{user} daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\n"
        f"http {{ access_log off; sendfile on; gzip on; gzip_types *; {folders}\n"
        f"autoindex on; autoindex_format {request.param};\n"
        f"server {{ listen 127.0.0.1:{port}; root {tmp_path}/www; }} }}\n"
    )
    with subprocess.Popen(["nginx", "-c", tmp_path / "nginx.conf", "-p", tmp_path]) as process:
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}/qwen/"
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)  # between two looks


@pytest.mark.slow
def test_a_folder_behind_nginx_is_a_mirror(nginx: str, tmp_path: Path) -> None:
    """In parts, unpacked although it would pack; checked as soon as there are sums beside the files."""
    plain = do_pull(tmp_path / "1", nginx, part_bytes=PART).stored
    assert contents(plain.folder) == FILES
    assert {file.checked for file in plain.manifest.files} == {"none"}
    sums = "".join(f"{sha256(body)} *./{name}\n" for name, body in FILES.items())
    (tmp_path / "www" / "qwen" / "SHA256SUMS").write_text(sums)
    checked = do_pull(tmp_path / "2", nginx).stored
    assert {file.checked for file in checked.manifest.files} == {"sha256"}
    assert contents(checked.folder) == FILES
