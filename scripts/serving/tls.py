"""The edge's certificate: found to be good before anything starts, and trusted by this machine's own questions."""

import ssl
from pathlib import Path
from typing import Any, NoReturn

from handler.strict import StrictModel
from scripts.errors import UserError
from scripts.serving.places import REPOSITORY

_OTHERS_MAY_READ = 0o004


class Tls(StrictModel):
    """The files of `edge.tls`, both PEM; a relative path is the repository's.

    Attributes:
        certificate: of the edge, first, and of those that vouch for it.
        key: its private key, without a password.
    """

    certificate: str
    key: str

    @property
    def certificate_path(self) -> Path:
        """Where the certificate lies."""
        return REPOSITORY / self.certificate

    @property
    def key_path(self) -> Path:
        """Where the key lies."""
        return REPOSITORY / self.key

    def chain(self) -> str:
        """Return the certificates as they are in the file."""
        # What stands between them may be in any encoding.
        return self.certificate_path.read_text(encoding="utf-8", errors="replace")


def pinned(certificate: Path) -> ssl.SSLContext:
    """Return what trusts whoever has the key of this very certificate, and nobody else.

    Its name is not compared: this machine asks 127.0.0.1, which is in nobody's certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # The certificate itself is enough, whether or not the one that signed it is in the file.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(certificate)
    return context


def require(tls: Tls, where: Path) -> None:
    """Return when a caller can be served with these files.

    Raises:
        UserError: one is missing, no PEM, or open to others; they don't belong together; it is not the certificate's
            time.
    """
    for name, path in (("certificate", tls.certificate_path), ("key", tls.key_path)):
        try:
            path.read_bytes()
        except OSError as error:
            raise UserError(f"{where}: `edge.tls.{name}`: {path}: {error.strerror}; name a PEM file.") from None
    if tls.key_path.stat().st_mode & _OTHERS_MAY_READ:
        raise UserError(f"{tls.key_path}: every user can read this private key; `chmod 600 {tls.key_path}`.")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        server.load_cert_chain(tls.certificate_path, tls.key_path, password=_no_password)
        _shake_hands(server, pinned(tls.certificate_path))
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message
        raise UserError(f"{tls.certificate_path}: {reason}; renew it, then try again.") from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise UserError(
                f"{tls.key_path}: it is not the key of {tls.certificate_path}; name the two that were made together."
            ) from None
        raise UserError(
            f"{where}: `edge.tls`: {tls.certificate_path} and {tls.key_path} are no certificate and key in PEM "
            f"({error.reason or error}); name such files."
        ) from None


def name(tls: Tls) -> str | None:
    """Return the first name that the certificate is for, as a caller would write it; None: only patterns, or none.

    Raises:
        OSError: the files don't do (`require`).
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tls.certificate_path, tls.key_path, password=_no_password)
    found = _shake_hands(server, pinned(tls.certificate_path)) or {}
    names = found.get("subjectAltName", ())
    return next((str(value) for kind, value in names if kind == "DNS" and not str(value).startswith("*")), None)


def _no_password() -> NoReturn:
    raise UserError("the key of `edge.tls` has a password, which nobody is there to type; store it without one.")


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> Any:
    """Return the server's certificate, parsed, when a client takes it; both are in this process."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(down, up), server.wrap_bio(up, down, server_side=True)]
    # Each sends what the other waits for; TLS 1.3 is done after two turns.
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ends[0].getpeercert()
