from pathlib import Path

import pytest
import torch

from scripts.errors import UserError
from scripts.pipeline.network import build_network, save_checkpoint
from scripts.pipeline.spec import Spec
from scripts.pipeline.training.run import require_sides, starting_network

from .conftest import PREPROCESSING, phase, training


def spec_of(architecture, recipe, **changes):
    spec = Spec.load(Path("models/elpv"))
    changes = {"preprocessing": PREPROCESSING, **changes}
    return spec.model_copy(update={"architecture": architecture, "training": recipe, **changes})


def test_a_start_of_another_architecture_is_named_with_its_key_and_the_fix(tmp_path):
    start = tmp_path / "other.safetensors"
    save_checkpoint(build_network("mobilenet_v3_large", 2).state_dict(), start, {})
    with pytest.raises(UserError) as error:
        starting_network(spec_of("mobilenet_v3_small", training(phase("all", 1), start=str(start))))
    said = str(error.value)
    assert said.startswith(
        f"models/elpv/spec.yaml: `training.start`: {start}: the weights are not those of a MobileNet"
    )
    assert said.endswith("; name weights of mobilenet_v3_small, or `random`")


def test_a_label_starts_from_its_own_row_wherever_it_is_and_a_new_one_from_none(tmp_path):
    start = build_network("mobilenet_v3_small", 2)
    path = tmp_path / "start.safetensors"
    save_checkpoint(start.state_dict(), path, {"labels": '["b", "a"]'})
    rows, recipe = start.classifier[3].weight.half().float(), training(phase("all", 1), start=str(path))
    swapped = starting_network(spec_of("mobilenet_v3_small", recipe, labels=("a", "b"))).classifier[3].weight
    assert torch.equal(swapped, rows[[1, 0]])
    other = starting_network(spec_of("mobilenet_v3_small", recipe, labels=("b", "c"))).classifier[3].weight
    assert torch.equal(other[0], rows[0])
    assert not torch.equal(other[1], rows[1])
    three = starting_network(spec_of("mobilenet_v3_small", recipe, labels=("c", "a", "b"))).classifier[3].weight
    assert torch.equal(three[1:], rows[[1, 0]])


def test_a_side_that_the_network_does_not_take_is_named_with_its_phase_before_anything_is_trained():
    with torch.device("meta"):
        network = build_network("vit_b_16", 2)
    spec = spec_of("vit_b_16", training(phase("all", 1), phase("last", 1, side=96)))
    with pytest.raises(UserError, match=r"no images of 64 x 64 .*: change `side` of the phase 'all' in .*spec\.yaml"):
        require_sides(network, spec)


def test_a_crop_that_leaves_nothing_of_an_image_is_named():
    spec = spec_of("squeezenet1_1", training(phase("all", 1)))
    spec = spec.model_copy(update={"preprocessing": PREPROCESSING.model_copy(update={"resize": 8, "crop": 8})})
    with pytest.raises(UserError, match=r"takes no images of 8 x 8 pixels .*: change `preprocessing\.crop`"):
        require_sides(build_network("squeezenet1_1", 2), spec)


def test_looking_at_the_sides_changes_no_weight_statistic_or_mode():
    network = build_network("mobilenet_v3_small", 2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    require_sides(network, spec_of("mobilenet_v3_small", training(phase("all", 1))))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(module.training for module in network.modules())
