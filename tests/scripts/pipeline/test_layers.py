import pytest
import torch
from torch import nn

from scripts.errors import UserError
from scripts.pipeline.layers import blocks, head, head_name, load_body
from scripts.pipeline.network import build_network

# One of each family that names its parts in its own way, the small ones.
FAMILIES = {
    "mobilenet_v3_small": ("classifier", 13),
    "mobilenet_v2": ("classifier", 19),
    "efficientnet_b0": ("classifier", 9),
    "resnet18": ("fc", 5),
    "regnet_y_400mf": ("fc", 5),
    "shufflenet_v2_x0_5": ("fc", 5),
    "mnasnet0_5": ("classifier", 10),
    "squeezenet1_1": ("classifier", 9),
    "densenet121": ("classifier", 8),
    "googlenet": ("fc", 12),
}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> tuple[nn.Module, str, int]:
    return build_network(request.param, 3), *FAMILIES[request.param]


def test_head_and_blocks_hold_every_parameter_once(family: tuple[nn.Module, str, int]) -> None:
    network, name, count = family
    parts = [*blocks(network), head(network)]
    assert head_name(network) == name
    assert len(parts) == count + 1
    held = [parameter for part in parts for parameter in part.parameters()]
    assert [id(parameter) for parameter in held] == [id(parameter) for parameter in network.parameters()]


def test_the_blocks_of_a_vision_transformer_are_its_patches_and_layers() -> None:
    with torch.device("meta"):
        network = build_network("vit_b_16", 3)
    parts = [*blocks(network), head(network)]
    assert len(parts) == 1 + 12 + 1
    held = {id(parameter) for part in parts for parameter in part.parameters()}
    others = [name for name, parameter in network.named_parameters() if id(parameter) not in held]
    assert others == ["class_token", "encoder.pos_embedding"]


@pytest.mark.parametrize("architecture", ["mobilenet_v3_small", "mobilenet_v2", "resnet18", "mnasnet0_5"])
def test_weights_for_other_classes_fill_the_body_and_leave_the_new_head(architecture: str) -> None:
    trained, network = build_network(architecture, 5), build_network(architecture, 3)
    fresh = {name: value.clone() for name, value in network.state_dict().items()}
    load_body(network, trained.state_dict())
    for name, value in network.state_dict().items():
        source = trained.state_dict()[name]
        assert torch.equal(value, source if source.shape == value.shape else fresh[name]), name
    assert network(torch.rand(2, 3, 64, 64)).shape == (2, 3)


def test_weights_of_another_architecture_are_refused() -> None:
    with pytest.raises(UserError, match="not those of a MobileNetV3"):
        load_body(build_network("mobilenet_v3_small", 2), build_network("mobilenet_v3_large", 2).state_dict())


def test_weights_that_lack_a_layer_are_refused() -> None:
    network = build_network("mobilenet_v3_small", 2)
    weights = {name: value for name, value in network.state_dict().items() if not name.startswith("features.4.")}
    with pytest.raises(UserError, match="not those of a MobileNetV3"):
        load_body(network, weights)
