from pathlib import Path

import pytest
import torch
from torch import nn

from scripts.errors import UserError
from scripts.pipeline.network import build_network, load_checkpoint, read_weights, save_checkpoint

SMALL = "mobilenet_v3_small"


def test_a_checkpoint_comes_back_as_float32_to_half_precision(tmp_path):
    network = build_network(SMALL, 2).eval()
    save_checkpoint(network.state_dict(), tmp_path / "weights.safetensors", {"license": "free"})
    loaded = load_checkpoint(tmp_path / "weights.safetensors", build_network(SMALL, 2))
    image = torch.rand(1, 3, 64, 64)
    assert {value.dtype for value in loaded.parameters()} == {torch.float32}
    assert torch.allclose(loaded(image), network(image), atol=1e-2)


def test_a_small_network_fits_into_six_megabytes(tmp_path):
    save_checkpoint(build_network(SMALL, 2).state_dict(), tmp_path / "weights.safetensors", {})
    assert (tmp_path / "weights.safetensors").stat().st_size < 6_000_000


def test_batch_norm_follows_a_small_data_set():
    norms = [module for module in build_network(SMALL, 2).modules() if isinstance(module, nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {0.1}


def test_an_unknown_architecture_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"'mobilenet_v3_smal' is none .*; did you mean mobilenet_v3_small\?"):
        build_network("mobilenet_v3_smal", 2)


def test_a_missing_checkpoint_is_named_with_the_command_that_makes_it():
    with pytest.raises(UserError, match=r"nothing\.safetensors: no such checkpoint; .*`make train MODEL=elpv`"):
        load_checkpoint(Path("models/elpv/nothing.safetensors"), build_network(SMALL, 2))


def test_a_truncated_checkpoint_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_checkpoint(build_network(SMALL, 2).state_dict(), path, {})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="not a whole safetensors file"):
        load_checkpoint(path, build_network(SMALL, 2))


def test_a_checkpoint_with_other_labels_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_checkpoint(build_network(SMALL, 3).state_dict(), path, {})
    with pytest.raises(UserError, match="not a checkpoint of the spec's architecture and labels"):
        load_checkpoint(path, build_network(SMALL, 2))


@pytest.mark.parametrize("as_zip", [True, False])
def test_a_file_of_torch_save_is_named_as_one(as_zip, tmp_path):
    path = tmp_path / "mine.pth"
    torch.save({"weight": torch.zeros(1)}, path, _use_new_zipfile_serialization=as_zip)
    with pytest.raises(UserError, match=r"mine\.pth: written by torch\.save; .*docs/weights\.md"):
        read_weights(path)
