"""TLS at the edge: a real Envoy, a certificate of the test's own, and its renewal."""

import http.client
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.serving import loopback, tls
from scripts.serving.loopback import NoAnswer
from scripts.serving.tls import Tls
from tests import certificates
from tests.integration.lone_edge import LoneEdge, lone_edge
from tests.integration.test_access import SAFE, Upstream

pytestmark = certificates.needs_openssl


@dataclass(frozen=True)
class Secured:
    """An edge, and the files that it was started with."""

    edge: LoneEdge
    certificate: Path
    key: Path

    @property
    def healthz(self) -> str:
        return f"https://127.0.0.1:{self.edge.ports.edge}/healthz"


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    certificate, key = certificates.make(tmp_path, "first")
    with lone_edge(Upstream, tls=Tls(certificate=str(certificate), key=str(key))) as edge:
        yield Secured(edge, certificate, key)


def shown(port: int, **limits: ssl.TLSVersion) -> tuple[str, str | None, str]:
    """Return the certificate, the protocol of HTTP and the version of TLS that a client gets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    for name, version in limits.items():
        setattr(context, name, version)
    with socket.create_connection(("127.0.0.1", port), 10) as plain, context.wrap_socket(plain) as connection:
        found = ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")
        return found, connection.selected_alpn_protocol(), connection.version() or ""


def test_it_speaks_tls_from_1_2_on_and_http2_and_no_plain_http(secured: Secured) -> None:
    port = secured.edge.ports.edge
    found, protocol, version = shown(port)
    assert (found, protocol, version) == (secured.certificate.read_text(), "h2", "TLSv1.3")
    assert shown(port, maximum_version=ssl.TLSVersion.TLSv1_2)[2] == "TLSv1.2"
    with pytest.warns(DeprecationWarning), pytest.raises((ssl.SSLError, ConnectionError)):
        shown(port, minimum_version=ssl.TLSVersion.TLSv1_1, maximum_version=ssl.TLSVersion.TLSv1_1)
    plain = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    plain.request("GET", "/healthz")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        plain.getresponse()
    plain.close()
    assert shown(secured.edge.ports.monitoring or 0)[0] == secured.certificate.read_text()


def test_verbs_trust_its_certificate_alone_whatever_its_name(secured: Secured, tmp_path: Path) -> None:
    assert loopback.ask("GET", secured.healthz, 10, certificate=secured.certificate).status == 200
    other, _ = certificates.make(tmp_path, "other")
    with pytest.raises(NoAnswer, match="CERTIFICATE_VERIFY_FAILED"):
        loopback.ask("GET", secured.healthz, 10, certificate=other)


def test_a_browser_keeps_to_tls(secured: Secured) -> None:
    address = ("127.0.0.1", secured.edge.ports.edge)
    connection = http.client.HTTPSConnection(*address, timeout=10, context=tls.pinned(secured.certificate))
    connection.request("GET", "/healthz")
    headers = connection.getresponse().headers
    connection.close()
    assert {name: headers[name] for name in SAFE} == SAFE
    assert headers["strict-transport-security"] == "max-age=31536000"


def test_a_renewed_certificate_is_taken_without_a_restart_and_a_wrong_one_is_not(
    secured: Secured, tmp_path: Path
) -> None:
    renewed, key = certificates.make(tmp_path, "renewed")
    shutil.copy(renewed, secured.certificate)
    # Its key is still the old one: Envoy says so, and goes on with what it has.
    before = secured.edge.process.create_time()
    with pytest.raises(UserError, match=r"Envoy refuses .*tls\.yaml: "):
        secured.edge.files.renew(secured.edge.wanted)
    assert shown(secured.edge.ports.edge)[0] != renewed.read_text()
    shutil.copy(key, secured.key)
    secured.edge.files.renew(secured.edge.wanted)
    assert shown(secured.edge.ports.edge)[0] == renewed.read_text()
    assert secured.edge.process.create_time() == before


def test_the_private_key_is_copied_nowhere(secured: Secured) -> None:
    secret = secured.key.read_text().splitlines()[1]
    folder = secured.edge.files.folder.parent
    assert not [path for path in folder.rglob("*") if path.is_file() and secret in path.read_text(errors="replace")]
    arguments = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert secret not in arguments
