"""Certificates of a test's own, made by openssl."""

import shutil
import subprocess
from pathlib import Path

import pytest

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl, which makes certificates, is missing"
)


def make(folder: Path, name: str, days: int = 30) -> tuple[Path, Path]:
    """Return a self-signed certificate of edge.example and its key; with negative `days` it has expired."""
    certificate, key, request = (folder / f"{name}.{ending}" for ending in ("pem", "key", "csr"))
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl("req", "-new", *curve, "-keyout", str(key), "-out", str(request), "-subj", f"/CN={name}.edge.example")
    names = folder / f"{name}.names"
    names.write_text(f"subjectAltName=DNS:{name}.edge.example\n")
    signed = ["-in", str(request), "-signkey", str(key), "-days", str(days), "-out", str(certificate)]
    _openssl("x509", "-req", *signed, "-extfile", str(names))
    return certificate, key


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)
