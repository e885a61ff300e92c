import torch
from torch import nn

from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.training import rounding
from scripts.pipeline.training.rounding import rounded_activations, rounded_weights
from scripts.pipeline.weights import load_network
from tests.scripts.pipeline.training.conftest import phase

AWARE, EXACT = phase("int8", 1, quantization_aware=True), phase("all", 1)


def test_a_weight_moves_to_the_nearest_of_its_channels_own_129_levels():
    weight = (
        torch.randn(3, 4, 5, 5, generator=torch.Generator().manual_seed(1))
        * torch.tensor([1, 10, 0.01])[:, None, None, None]
    )
    rounded = rounded_weights(weight)
    for before, after in zip(weight, rounded, strict=True):
        step = before.abs().max() / 64
        assert (before - after).abs().max() <= step / 2 + 1e-7
        torch.testing.assert_close(after / step, (after / step).round(), atol=1e-4, rtol=0)


def test_activations_have_256_levels_and_what_was_zero_is_zero():
    values = torch.randn(2, 8, 9, 9, generator=torch.Generator().manual_seed(2)).relu() * 3 - 0.2
    values[values == -0.2] = 0
    rounded = rounded_activations(values)
    assert len(rounded.unique()) <= 256
    assert (rounded[values == 0] == 0).all()
    assert (values - rounded).abs().max() <= (values.max() - values.min()) / 255 / 2 + 1e-6


def test_nothing_is_rounded_where_there_is_nothing():
    zeros = torch.zeros(2, 3, 4, 4)
    assert (rounded_activations(zeros) == zeros).all()
    assert (rounded_weights(zeros) == zeros).all()


def test_gradients_go_through_as_if_nothing_had_been_rounded():
    weight = torch.randn(2, 3, 1, 1, requires_grad=True)
    values = torch.randn(2, 3, 4, 4, requires_grad=True)
    (rounded_weights(weight).sum() + rounded_activations(values).sum()).backward()
    assert (weight.grad == 1).all()
    assert (values.grad == 1).all()


def test_a_network_rounds_while_a_phase_wants_it_and_its_checkpoint_has_the_same_names():
    network = load_network(Spec.load(MODELS / "elpv"), None)
    images, names = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(3)), list(network.state_dict())
    with torch.inference_mode():
        exact = network(images)
        rounding.choose(network, AWARE)
        rounded = network(images)
        exact_layers = [name for name, layer in network.named_modules() if type(layer) in (nn.Conv2d, nn.Linear)]
        assert exact_layers == ["features.0.0"]
        assert list(network.state_dict()) == names
        rounding.choose(network, EXACT)
        assert (network(images) == exact).all()
    assert 0 < (rounded - exact).abs().max() < exact.abs().max()
