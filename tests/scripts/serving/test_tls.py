"""A certificate that can't serve is one sentence before anything starts."""

import subprocess
from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.serving import tls
from scripts.serving.tls import Tls
from tests import certificates

pytestmark = certificates.needs_openssl
WHERE = Path("traffic.yaml")


def refusal(certificate: Path, key: Path) -> str:
    with pytest.raises(UserError) as raised:
        tls.require(Tls(certificate=str(certificate), key=str(key)), WHERE)
    return str(raised.value)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificates.make(tmp_path_factory.mktemp("pair"), "good")


def test_a_certificate_and_its_key_are_taken(pair: tuple[Path, Path]) -> None:
    tls.require(Tls(certificate=str(pair[0]), key=str(pair[1])), WHERE)


def test_a_file_that_is_missing_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    said = refusal(pair[0], tmp_path / "none.key")
    assert said == f"traffic.yaml: `edge.tls.key`: {tmp_path}/none.key: No such file or directory; name a PEM file."


def test_the_key_of_another_certificate_is_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    _, other = certificates.make(tmp_path, "other")
    assert f"{other}: it is not the key of {pair[0]}" in refusal(pair[0], other)


def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    certificate, key = certificates.make(tmp_path, "old", days=-1)
    assert refusal(certificate, key) == f"{certificate}: certificate has expired; renew it, then try again."


def test_what_is_no_pem_is_refused(pair: tuple[Path, Path]) -> None:
    assert "are no certificate and key in PEM" in refusal(pair[1], pair[1])


def test_a_key_with_a_password_is_refused_and_nobody_is_asked(pair: tuple[Path, Path], tmp_path: Path) -> None:
    locked = tmp_path / "locked.key"
    words = ["openssl", "pkey", "-in", str(pair[1]), "-aes256", "-passout", "pass:secret", "-out", str(locked)]
    subprocess.run(words, check=True)
    locked.chmod(0o600)
    assert "has a password" in refusal(pair[0], locked)


def test_a_key_that_every_user_can_read_is_refused_with_the_cure(pair: tuple[Path, Path], tmp_path: Path) -> None:
    open_key = tmp_path / "open.key"
    open_key.write_bytes(pair[1].read_bytes())
    open_key.chmod(0o644)
    assert refusal(pair[0], open_key) == f"{open_key}: every user can read this private key; `chmod 600 {open_key}`."
