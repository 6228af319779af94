"""Certificates for tests, made by openssl itself: good ones, and ones that are wrong in one way."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

_CNF = """
[ca]
default_ca = own
[own]
database = {folder}/index.txt
new_certs_dir = {folder}
serial = {folder}/serial
default_md = sha256
policy = any
unique_subject = no
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:localhost,IP:127.0.0.1
"""


def issue(folder: Path, name: str, *, begins_days: float = -1, ends_days: float = 90) -> tuple[Path, Path]:
    """Make a certificate for localhost that is its own issuer, and its key.

    Args:
        folder: where NAME.pem and NAME.key go.
        name: also its common name.
        begins_days: days from now.
        ends_days: days from now.
    """
    cert, key, request = folder / f"{name}.pem", folder / f"{name}.key", folder / f"{name}.csr"
    books = folder / f"{name}-books"
    books.mkdir(exist_ok=True)
    (books / "index.txt").write_text("")
    (books / "serial").write_text("01\n")
    (books / "ca.cnf").write_text(_CNF.format(folder=books))
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl("req", "-new", *curve, "-keyout", key, "-subj", f"/CN={name}", "-out", request)
    dates = ("-startdate", _date(begins_days), "-enddate", _date(ends_days))
    own = ("-config", books / "ca.cnf", "-selfsign", "-keyfile", key)
    _openssl("ca", "-batch", "-notext", *own, "-in", request, *dates, "-out", cert)
    return cert, key


def lock(key: Path, locked: Path) -> Path:
    """Write a key with a password."""
    _openssl("pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", locked)
    return locked


def _date(days: float) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y%m%d%H%M%SZ}"


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], capture_output=True, timeout=30, check=True)
