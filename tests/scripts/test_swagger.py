"""What is committed of Swagger UI is what npm has, byte for byte."""

import hashlib

from scripts.swagger import DOCS, SOURCE


def test_each_file_has_the_digest_that_was_written_down_when_it_came() -> None:
    _, _, *lines = SOURCE.read_text().splitlines()
    written = {name: digest for digest, name in map(str.split, filter(None, lines))}
    assert {"swagger-ui-bundle.js", "swagger-ui.css", "swagger-ui.LICENSE.txt"} <= written.keys()
    assert written == {name: hashlib.sha256((DOCS / name).read_bytes()).hexdigest() for name in written}
