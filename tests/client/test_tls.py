"""TLS: whom the client trusts, at a real Envoy with a certificate of the test's own."""

from pathlib import Path

import pytest
from urllib3.exceptions import InsecureRequestWarning

from mobilenet_v3_client import Client, Unreachable
from scripts.serving.tls import Tls
from tests import certificates
from tests.integration.lone_edge import lone_edge
from tests.integration.test_access import Upstream

pytestmark = certificates.needs_openssl


def test_it_trusts_the_certificate_that_it_is_given_and_none_that_nobody_vouches_for(tmp_path: Path) -> None:
    certificate, key = certificates.make(tmp_path, "first")
    other, _ = certificates.make(tmp_path, "other")
    with lone_edge(Upstream, tls=Tls(certificate=str(certificate), key=str(key))) as edge:
        url = f"https://127.0.0.1:{edge.ports.edge}"
        assert Client(url, certificate=certificate).health().ready
        with pytest.warns(InsecureRequestWarning):
            assert Client(url, verify=False).health().ready
        for stranger in (Client(url), Client(url, certificate=other), Client(url, verify=str(certificate))):
            with pytest.raises(Unreachable, match="certificate verify failed") as raised:
                stranger.health()
            assert not raised.value.again


@pytest.mark.parametrize("option", ["certificate", "verify"])
def test_a_file_that_is_missing_or_holds_no_certificate_is_said_before_anything_is_asked(
    tmp_path: Path, option: str
) -> None:
    with pytest.raises(ValueError, match=r"none\.pem: no such file"):
        Client("https://127.0.0.1", **{option: tmp_path / "none.pem"})
    (tmp_path / "bad.pem").write_text("nothing")
    with pytest.raises(ValueError, match=r"bad\.pem: no certificate in PEM"):
        Client("https://127.0.0.1", certificate=tmp_path / "bad.pem")
