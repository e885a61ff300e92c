"""Requests made up from web/openapi.json: whatever is sent, the edge's answer is one that it describes."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import openapi
from tests.integration.server import MODEL, Server
from tests.properties import FUZZING, MANY

pytestmark = pytest.mark.operations
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
FEW = 8
# Nearly every name that is made up is no model's, so half of the requests name the one that is there.
NAMED = f'[parameters]\n"path.model" = "{MODEL}"\n'


@pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not in the lock file")
@pytest.mark.parametrize("settings", [NAMED, ""], ids=["of the model", "of any name"])
def test_what_is_made_up_is_answered_as_described_and_never_with_an_error_of_ours(
    server: Server, tmp_path: Path, settings: str
) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(settings)
    how = [] if FUZZING else ["--phases", "fuzzing", "--generation-deterministic"]
    words = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(openapi.TARGET)]
    words += ["--url", server.url, "--checks", ",".join(CHECKS), "--request-timeout", "60", "--no-color", *how]
    words += ["--max-examples", str(FEW * MANY if FUZZING else FEW), "--suppress-health-check", "all"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, timeout=3600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
