import pytest
import torch

from scripts.pipeline.layers import blocks, head
from scripts.pipeline.network import build_network
from scripts.pipeline.training.freezing import choose, training_mode

from .conftest import phase


def learns(module):
    return [parameter.requires_grad for parameter in module.parameters()]


@pytest.mark.parametrize("architecture", ["mobilenet_v3_small", "resnet18"])
def test_the_head_learns_first_then_the_last_blocks_then_everything(architecture):
    network = build_network(architecture, 2)
    body = blocks(network)

    choose(network, phase("head", 1, trains="head"))
    assert all(learns(head(network)))
    assert not any(flag for block in body for flag in learns(block))

    choose(network, phase("last blocks", 1, trains=2))
    assert all(learns(head(network)))
    assert all(flag for block in body[-2:] for flag in learns(block))
    assert not any(flag for block in body[:-2] for flag in learns(block))

    choose(network, phase("all", 1, trains="all"))
    assert all(learns(network))


@pytest.mark.parametrize(("batch_norm", "moves"), [("frozen", False), ("learns", True)])
def test_frozen_batch_norms_keep_their_statistics(batch_norm, moves):
    network = build_network("mobilenet_v3_small", 2)
    one = phase("all", 1, batch_norm=batch_norm)
    choose(network, one)
    training_mode(network, one)
    before = network.features[0][1].running_mean.clone()
    network(torch.rand(2, 3, 64, 64))
    assert torch.equal(before, network.features[0][1].running_mean) != moves


def test_frozen_blocks_keep_their_statistics_even_where_batch_norm_learns():
    network = build_network("mobilenet_v3_small", 2)
    one = phase("last blocks", 1, trains=1, batch_norm="learns")
    choose(network, one)
    training_mode(network, one)
    before = network.features[0][1].running_mean.clone(), network.features[-1][1].running_mean.clone()
    network(torch.rand(2, 3, 64, 64))
    assert torch.equal(before[0], network.features[0][1].running_mean)
    assert not torch.equal(before[1], network.features[-1][1].running_mean)
