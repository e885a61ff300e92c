"""`make serve MODEL=imagenet`: from torchvision's weights, random ones here, to an answer out of 1,000 classes."""

import dataclasses
import hashlib
import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import torch

from handler.metadata import Metadata
from scripts.errors import UserError
from scripts.pipeline.archive import verify
from scripts.pipeline.network import build_network, torchvision_models
from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.spec_agreement import AgreementGate
from scripts.pipeline.version import build_version
from scripts.serving.places import REPOSITORY
from tests.integration.server import Server

pytestmark = pytest.mark.operations

SPEC = Spec.load(MODELS / "imagenet")
PHOTO = REPOSITORY / MODELS / "imagenet" / "images" / "cat.jpg"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Fill torch's cache with random weights as if torchvision had published them."""
    home = tmp_path_factory.mktemp("torch")
    folder = home / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.manual_seed(1)
    torch.save(build_network(SPEC.architecture, 1000).state_dict(), folder / "new")
    digest = hashlib.sha256((folder / "new").read_bytes()).hexdigest()
    path = (folder / "new").rename(folder / f"{SPEC.architecture}-{digest[:8]}.pth")
    record = torchvision_models().get_model_weights(SPEC.architecture)[SPEC.weights].value
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(home))
        patch.setattr(record, "url", f"https://download.pytorch.org/models/{path.name}")
        yield path


@pytest.fixture(scope="module")
def store(short_folder: Path, cache: Path) -> Path:
    """Return a store with both versions."""
    store = short_folder / "imagenet"
    build_version(SPEC, "1.0", "float32", None, store)
    build_version(SPEC, "2.0", "int8", None, store)
    return store


@pytest.fixture(scope="module")
def photos(short_folder: Path, store: Path) -> Iterator[Server]:
    """Return a server that was started with MODEL=imagenet, and whose verbs are called without it."""
    folder = Path(tempfile.mkdtemp(dir=short_folder))
    server = Server.prepare(folder, '"1.0": 50, "2.0": 50', store, model="imagenet")
    started = server.verb("start")
    assert started.returncode == 0, started.stderr
    (folder / "started").write_text(started.stdout)
    unnamed = {key: value for key, value in server.environment.items() if key != "MODEL"}
    yield dataclasses.replace(server, environment=unnamed)
    assert server.verb("stop").returncode == 0
    assert server.processes() == []


def archived(store: Path, version: str) -> Metadata:
    return verify(store / f"imagenet-{version}.mar")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_both_archives_have_1000_labels_and_say_that_accuracy_was_not_gated(store: Path, version: str) -> None:
    metadata = archived(store, version)
    assert (metadata.name, len(metadata.labels), metadata.labels[281]) == ("imagenet", 1000, "tabby")
    assert metadata.gate["note"].startswith("accuracy was not gated")
    assert "non-commercial" in metadata.license
    assert metadata.training["weights"] == "torchvision's mobilenet_v3_small, IMAGENET1K_V1"


def test_int8_was_compared_with_float32_on_hundreds_of_views(store: Path) -> None:
    gate = archived(store, "2.0").gate
    assert gate["images"] == 288
    assert gate["measured"]["fp32 arithmetic"]["agreement"] >= 0.5


def test_a_version_that_does_not_agree_gets_no_archive(cache: Path, tmp_path: Path) -> None:
    strict = SPEC.model_copy(update={"agreement_gate": AgreementGate(min_agreement=1)})
    with pytest.raises(UserError, match=r"does not pass the gate.*agreement .*% misses min_agreement 100\.00%"):
        build_version(strict, "2.0", "int8", None, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_it_answers_out_of_1000_classes(photos: Server) -> None:
    url = f"{photos.url}/predictions/imagenet"
    for version in ("1.0", "2.0"):
        headers = {"content-type": "image/jpeg"}
        answer = requests.post(f"{url}/{version}?top_k=1000", data=PHOTO.read_bytes(), headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        predictions = answer.json()["predictions"]
        assert sorted(row["index"] for row in predictions) == list(range(1000))
        assert all(row["label"] == SPEC.labels[row["index"]] for row in predictions)
        assert sum(row["probability"] for row in predictions) == pytest.approx(1, abs=0.001)
    elsewhere = requests.post(f"{photos.url}/predictions/mobilenet_v3", data=b"", timeout=60)
    assert elsewhere.status_code == 404


def test_the_line_that_start_prints_works(photos: Server) -> None:
    printed = (photos.run_dir.parent / "started").read_text()
    [line] = [line.strip() for line in printed.splitlines() if line.strip().startswith("curl")]
    assert "content-type: image/jpeg" in line
    words = shlex.split(line)
    done = subprocess.run(["curl", "--silent", *words[1:]], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["model"] == "imagenet"


def test_verbs_act_on_the_model_that_is_served(photos: Server) -> None:
    assert photos.ask("status")["model"] == "imagenet"
    assert photos.ask("split", "1.0=40 2.0=60") == {"split": {"1.0": 40, "2.0": 60}}
    assert photos.ask("predict", str(PHOTO), "--top-k", "3")["model"] == "imagenet"
    assert photos.ask("register", "--version", "1.0")["path"] == f"{photos.url}/predictions/imagenet/1.0"
    missing = photos.verb("register", "--version", "3.0")
    assert "imagenet-3.0.mar: no such archive; build it with `make archive MODEL=imagenet VERSION=" in missing.stderr


@pytest.mark.parametrize("words", [("status",), ("split", "1.0=100"), ("predict", str(PHOTO)), ("start",)])
def test_another_model_is_refused_by_name(photos: Server, words: tuple[str, ...]) -> None:
    contradicting = dataclasses.replace(photos, environment={**photos.environment, "MODEL": "elpv"})
    refused = contradicting.verb(*words)
    assert refused.returncode == 1
    assert refused.stderr == (
        "error: the server that runs serves MODEL=imagenet, not elpv; leave MODEL out, or `make stop` first.\n"
    )


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Return what make printed; nothing can be fetched, and the environment counts as made."""
    nowhere = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https")}
    environment = os.environ | nowhere | {"TORCH_HOME": str(folder / "torch"), "RUN_DIR": str(folder / "run")}
    command = ["make", "--old-file=.venv/.ready", *words, f"MODEL_STORE={folder / 'store'}"]
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_without_network_one_sentence_says_which_file_belongs_where(tmp_path: Path) -> None:
    refused = make(tmp_path, "serve", "MODEL=imagenet")
    assert refused.returncode != 0
    [sentence] = [line for line in refused.stderr.splitlines() if not line.startswith("make")]
    assert sentence.startswith("error: the ImageNet weights can't be fetched (")
    name = "mobilenet_v3_small-047dcff4.pth"
    place = tmp_path / "torch" / "hub" / "checkpoints" / name
    assert sentence.endswith(f": download https://download.pytorch.org/models/{name} and put it at {place}")
    assert not (tmp_path / "store").exists()
    assert not (tmp_path / "run").exists()


def test_a_model_without_a_spec_is_answered_with_those_there_are(tmp_path: Path) -> None:
    refused = make(tmp_path, "start", "MODEL=nothing")
    assert refused.returncode != 0
    [sentence] = [line for line in refused.stderr.splitlines() if not line.startswith("make")]
    assert sentence.startswith("error: models/nothing/spec.yaml: no such spec; the models here are: elpv, ")
