"""CIFAR-10 and MNIST as torchvision keeps them, a few images each; the checksums are those of these few."""

import gzip
import hashlib
import importlib
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scripts.errors import UserError
from scripts.pipeline.data import named
from scripts.pipeline.images import decode
from scripts.pipeline.network import torchvision_models
from tests.scripts.pipeline.planted import Planted, plain, refused

CIFAR_LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DIGITS = tuple("0123456789")
NO_SERVER = "http://127.0.0.1:9/"


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def torchvision_class(name: str) -> Any:
    torchvision_models()
    return getattr(importlib.import_module("torchvision.datasets"), name)


def cifar_files() -> dict[str, bytes]:
    """Ten images, one of each class, in each of the five train batches and in the test batch."""
    random = np.random.default_rng(1)
    files = {
        name: pickle.dumps({"data": random.integers(0, 256, (10, 3072), dtype=np.uint8), "labels": list(range(10))})
        for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    }
    return files | {"batches.meta": pickle.dumps({"label_names": list(CIFAR_LABELS)})}


@pytest.fixture
def cifar(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The files; torchvision takes their checksums for the right ones, and finds no server."""
    files, dataset = cifar_files(), torchvision_class("CIFAR10")
    sums = [[name, md5(content)] for name, content in files.items()]
    monkeypatch.setattr(dataset, "train_list", sums[:5])
    monkeypatch.setattr(dataset, "test_list", sums[5:6])
    monkeypatch.setattr(dataset, "meta", dataset.meta | {"md5": sums[6][1]})
    monkeypatch.setattr(dataset, "url", NO_SERVER + "cifar-10-python.tar.gz")
    return files


@pytest.fixture
def cifar_folder(cifar: dict[str, bytes], tmp_path: Path) -> Path:
    (tmp_path / "cifar-10-batches-py").mkdir()
    for name, content in cifar.items():
        (tmp_path / "cifar-10-batches-py" / name).write_bytes(content)
    return tmp_path


def idx(values: np.ndarray) -> bytes:
    """MNIST's format: two zeros, 8 for uint8, the number of dimensions, each in four bytes, then the values."""
    return bytes([0, 0, 8, values.ndim]) + b"".join(side.to_bytes(4) for side in values.shape) + values.tobytes()


def mnist_files() -> dict[str, bytes]:
    random = np.random.default_rng(2)
    return {
        f"{part}-{kind}-ubyte": idx(values)
        for part, digits in (("train", 5), ("t10k", 2))
        for kind, values in (
            ("images-idx3", random.integers(0, 256, (10 * digits, 28, 28), dtype=np.uint8)),
            ("labels-idx1", np.tile(np.arange(10, dtype=np.uint8), digits)),
        )
    }


@pytest.fixture
def mnist(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The files as they are fetched, with their checksums, and no server."""
    files = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in mnist_files().items()}
    dataset = torchvision_class("MNIST")
    monkeypatch.setattr(dataset, "resources", [(name, md5(content)) for name, content in files.items()])
    monkeypatch.setattr(dataset, "mirrors", [NO_SERVER])
    return files


def test_cifar10_has_torchvisions_classes_pixels_and_test_part(cifar_folder, cifar):
    assert named.labels("cifar10", cifar_folder) == CIFAR_LABELS
    found = named.listing("cifar10", cifar_folder, CIFAR_LABELS)
    assert [sample.label for sample in found.samples] == [*range(10)] * 6
    assert found.samples[12].name == "train/00012"
    assert set(found.parts) == {f"test/{number:05}" for number in range(10)}
    batch = pickle.loads(cifar["data_batch_2"])["data"][2]
    assert (decode(found.samples[12]) == batch.reshape(3, 32, 32).transpose(1, 2, 0)).all()


def test_a_sample_is_posted_as_png(cifar_folder):
    sample = named.listing("cifar10", cifar_folder, CIFAR_LABELS).samples[0]
    assert Image.open(io.BytesIO(sample.read())).format == "PNG"


def test_the_specs_order_of_labels_counts(cifar_folder):
    backwards = CIFAR_LABELS[::-1]
    assert named.listing("cifar10", cifar_folder, backwards).samples[0].label == 9


def test_a_class_that_the_spec_lacks_is_named(cifar_folder):
    with pytest.raises(UserError, match=r"its class 'truck' is not among the spec's `labels`; add it"):
        named.listing("cifar10", cifar_folder, CIFAR_LABELS[:9])


@pytest.mark.usefixtures("cifar")
def test_without_network_cifar10_says_which_file_to_put_where(tmp_path):
    with pytest.raises(UserError) as error:
        named.labels("cifar10", tmp_path)
    assert "put cifar-10-python.tar.gz from" in str(error.value)
    assert str(error.value).endswith(f"into {tmp_path}")


def test_the_archive_put_there_is_enough(cifar, tmp_path, monkeypatch):
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as archive:
        for name, content in cifar.items():
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    archived = (tmp_path / "cifar-10-python.tar.gz").read_bytes()
    monkeypatch.setattr(torchvision_class("CIFAR10"), "tgz_md5", md5(archived))
    assert len(named.listing("cifar10", tmp_path, CIFAR_LABELS).samples) == 60


def test_a_changed_batch_is_not_used(cifar_folder):
    with (cifar_folder / "cifar-10-batches-py" / "data_batch_3").open("ab") as file:
        file.write(b"more")
    with pytest.raises(UserError, match=r"not in .* and fetching it failed"):
        named.labels("cifar10", cifar_folder)


def test_mnist_has_digits_for_labels_and_grey_pixels(mnist, tmp_path):
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    for name, content in mnist.items():
        (tmp_path / "MNIST" / "raw" / name).write_bytes(content)
    assert named.labels("mnist", tmp_path) == DIGITS
    found = named.listing("mnist", tmp_path, DIGITS)
    assert len(found.samples) == 70
    assert len(found.parts) == 20
    images = np.frombuffer(mnist_files()["train-images-idx3-ubyte"], np.uint8, offset=16).reshape(-1, 28, 28)
    pixels = decode(found.samples[7])
    assert found.samples[7].label == 7
    assert (pixels == images[7][..., np.newaxis]).all()


@pytest.mark.usefixtures("mnist")
def test_without_network_mnist_says_which_files_to_put_where(tmp_path):
    with pytest.raises(UserError) as error:
        named.labels("mnist", tmp_path)
    for name in ("train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        assert name in str(error.value)
    assert str(error.value).endswith(f"into {tmp_path / 'MNIST' / 'raw'}")


def test_a_batch_that_is_another_pickle_is_not_read(cifar_folder, tmp_path):
    """The one data set whose files are pickles: torchvision reads those with the published checksums only."""
    planted = Planted(tmp_path / "ran")
    plain(planted, cifar_folder / "cifar-10-batches-py" / "data_batch_3")
    assert "fetching it failed" in refused(planted, UserError, lambda: named.labels("cifar10", cifar_folder))
