import hashlib
import socket
import time
import urllib.error
from pathlib import Path

import pytest
import torch

from scripts.errors import UserError
from scripts.pipeline import pretrained
from scripts.pipeline.network import build_network, torchvision_models
from scripts.pipeline.pretrained import imagenet_labels, imagenet_preprocessing, imagenet_weights

SMALL = "mobilenet_v3_small"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return torch's empty cache, on a machine without network."""

    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("Temporary failure in name resolution")

    monkeypatch.setattr(torch.hub, "urlopen", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints"


def published(folder: Path, weights: object, architecture: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file of `weights` in `folder`, as if torchvision had published it as the architecture's default."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(weights, folder / "new")
    digest = hashlib.sha256((folder / "new").read_bytes()).hexdigest()
    path = (folder / "new").rename(folder / f"{architecture}-{digest[:8]}.pth")
    record = torchvision_models().get_model_weights(architecture).DEFAULT.value
    monkeypatch.setattr(record, "url", f"https://download.pytorch.org/models/{path.name}")
    return path


@pytest.mark.parametrize("architecture", [SMALL, "mnasnet0_5", "shufflenet_v2_x0_5"])
def test_cached_weights_are_those_of_the_network(
    architecture: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = build_network(architecture, 1000)
    published(cache, network.state_dict(), architecture, monkeypatch)
    weights = imagenet_weights(architecture)
    assert weights.keys() == network.state_dict().keys()
    assert all(torch.equal(weights[name], value) for name, value in network.state_dict().items())


def test_the_old_names_in_the_file_of_densenet_are_understood(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = build_network("densenet121", 1000).state_dict()
    old = {name.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): value for name, value in new.items()}
    assert old.keys() != new.keys()
    published(cache, old, "densenet121", monkeypatch)
    weights = imagenet_weights("densenet121")
    assert all(torch.equal(weights[name], value) for name, value in new.items())


def test_the_second_heads_of_googlenet_are_left_out(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = torchvision_models().googlenet(aux_logits=True, init_weights=False)
    published(cache, network.state_dict(), "googlenet", monkeypatch)
    weights = imagenet_weights("googlenet")
    assert weights.keys() == build_network("googlenet", 1000).state_dict().keys()


def test_a_changed_file_in_the_cache_is_named_with_the_fix(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = published(cache, build_network(SMALL, 1000).state_dict(), SMALL, monkeypatch)
    with path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(UserError, match=r"mobilenet_v3_small-[0-9a-f]{8}\.pth: not the file .*; delete it, and it is"):
        imagenet_weights(SMALL)


def test_weights_of_another_shape_are_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(cache, build_network(SMALL, 10).state_dict(), SMALL, monkeypatch)
    with pytest.raises(UserError, match=r"\.pth: not weights of mobilenet_v3_small .*\(size mismatch"):
        imagenet_weights(SMALL)


def test_a_file_with_code_in_it_is_not_run(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = published(cache, build_network(SMALL, 1000), SMALL, monkeypatch)
    with pytest.raises(UserError, match=f"{path}: holds something else than weights, which is not read"):
        imagenet_weights(SMALL)


def test_without_network_the_file_and_its_place_are_named(cache: Path) -> None:
    url = "https://download.pytorch.org/models/mobilenet_v3_small-047dcff4.pth"
    with pytest.raises(UserError) as caught:
        imagenet_weights(SMALL)
    assert str(caught.value) == (
        "the ImageNet weights can't be fetched (Temporary failure in name resolution): "
        f"download {url} and put it at {cache / 'mobilenet_v3_small-047dcff4.pth'}"
    )
    assert list(cache.iterdir()) == []


def test_a_download_goes_through_torch_into_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    source = published(tmp_path / "web", build_network(SMALL, 1000).state_dict(), SMALL, monkeypatch)
    record = torchvision_models().get_model_weights(SMALL).DEFAULT.value
    monkeypatch.setattr(record, "url", source.as_uri())
    assert "features.0.0.weight" in imagenet_weights(SMALL)
    source.unlink()
    assert "features.0.0.weight" in imagenet_weights(SMALL)


def test_a_download_that_is_not_the_published_file_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    source = published(tmp_path / "web", {}, SMALL, monkeypatch)
    record = torchvision_models().get_model_weights(SMALL).DEFAULT.value
    monkeypatch.setattr(record, "url", source.as_uri())
    source.write_bytes(b"<html>please log in</html>")
    with pytest.raises(UserError, match=r"can't be fetched \(invalid hash value"):
        imagenet_weights(SMALL)
    assert list((tmp_path / "home" / "hub" / "checkpoints").iterdir()) == []


def test_a_server_that_never_answers_does_not_hold_us_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(pretrained, "NETWORK_TIMEOUT_S", 0.2)
    record = torchvision_models().get_model_weights(SMALL).DEFAULT.value
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(record, "url", f"http://127.0.0.1:{silent.getsockname()[1]}/{SMALL}-01234567.pth")
        started = time.monotonic()
        with pytest.raises(UserError, match="timed out"):
            imagenet_weights(SMALL)
    assert time.monotonic() - started < 5
    assert socket.getdefaulttimeout() is None


def test_labels_and_preprocessing_come_with_the_weights() -> None:
    labels = imagenet_labels(SMALL)
    assert (len(labels), labels[0], labels[999]) == (1000, "tench", "toilet tissue")
    preprocessing = imagenet_preprocessing(SMALL)
    assert (preprocessing.resize, preprocessing.crop, preprocessing.interpolation) == (256, 224, "bilinear")
    assert preprocessing.mean == (0.485, 0.456, 0.406)
    assert imagenet_preprocessing("efficientnet_b0").interpolation == "bicubic"


def test_an_unknown_architecture_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"did you mean resnet18\?"):
        imagenet_labels("resnet_18")


def test_an_unknown_entry_is_answered_with_those_there_are() -> None:
    with pytest.raises(UserError, match="'IMAGENET1K_V3' of mobilenet_v3_small: there are only IMAGENET1K_V1"):
        imagenet_weights(SMALL, "IMAGENET1K_V3")


def test_every_architecture_has_a_digest_labels_and_preprocessing() -> None:
    models = torchvision_models()
    for architecture in models.list_models(module=models):
        assert pretrained._published_digest(pretrained._cached(pretrained._entry(architecture)))
        assert len(imagenet_labels(architecture)) == 1000
        assert imagenet_preprocessing(architecture).crop > 0
