import math

import pytest
import torch

from scripts.errors import UserError
from scripts.pipeline.network import build_network
from scripts.pipeline.spec_training import LossWeights
from scripts.pipeline.training.distillation import STRIDES, Distillation, Opinion, _maps_loss, _teacher_loss
from scripts.pipeline.training.lesson import Lesson

from .conftest import phase, training

LABELS = LossWeights(labels=1)


class Fixed(torch.nn.Module):
    """Answers the same logits to any image."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, images):
        return self.logits.expand(len(images), -1)


def loss(targets, training_targets=None, **changes):
    recipe = training(phase("all", 1), **changes)
    targets = torch.tensor(targets)
    every = targets if training_targets is None else torch.tensor(training_targets)
    lesson = Lesson(Fixed([0.0, math.log(3)]), recipe, every, None)  # 25 % and 75 %
    return lesson.loss(torch.zeros(len(targets), 3, 32, 32), targets, LABELS).item()


def test_soft_labels_count_by_their_probability():
    assert loss([[0.25, 0.75]]) == pytest.approx(-0.25 * math.log(0.25) - 0.75 * math.log(0.75))


def test_label_smoothing_moves_a_share_to_all_labels():
    assert loss([[0.0, 1.0]], label_smoothing=0.2) == pytest.approx(-0.1 * math.log(0.25) - 0.9 * math.log(0.75))


def test_balanced_classes_weigh_the_same_however_rare():
    rare = [[1.0, 0.0]] + [[0.0, 1.0]] * 3
    balanced = loss([[1.0, 0.0]], rare, class_weights="balanced") / loss([[1.0, 0.0]], rare)
    common = loss([[0.0, 1.0]], rare, class_weights="balanced") / loss([[0.0, 1.0]], rare)
    assert (balanced, common) == (pytest.approx(2), pytest.approx(2 / 3))


def test_a_student_that_agrees_with_its_teacher_has_the_least_loss():
    teacher = torch.tensor([[0.0, 2.0]])
    losses = [_teacher_loss(torch.tensor([[0.0, logit]]), teacher, 2.0).item() for logit in (1.0, 2.0, 3.0)]
    assert min(losses) == losses[1]


def test_the_temperature_keeps_the_size_of_the_gradient():
    gradients = []
    for temperature in (1.0, 8.0):
        student = torch.zeros(1, 2, requires_grad=True)
        _teacher_loss(student, torch.tensor([[0.0, 0.1]]), temperature).backward()
        gradients.append(student.grad.norm().item())
    assert gradients[0] == pytest.approx(gradients[1], rel=0.01)


def test_guessing_each_channels_mean_costs_one_and_the_map_itself_nothing():
    maps = torch.randn(4, 8, 5, 5, generator=torch.Generator().manual_seed(1))
    standard = maps - maps.mean((0, 2, 3), keepdim=True)
    standard = standard / standard.square().mean().sqrt()
    assert _maps_loss([torch.zeros_like(maps)], (maps,)).item() == pytest.approx(1)
    assert _maps_loss([standard], (maps,)).item() == pytest.approx(0, abs=1e-6)


def test_a_student_learns_its_teachers_maps_and_the_teacher_learns_nothing():
    torch.manual_seed(0)
    student, teacher = build_network("mobilenet_v3_small", 2), build_network("mobilenet_v2", 2)
    distillation = Distillation(student, teacher, 1.0, STRIDES)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    learning = [*student.parameters(), *distillation.translation.parameters()]
    optimizer = torch.optim.AdamW(learning, lr=0.003)
    images, losses = torch.rand(4, 3, 64, 64), []
    for _ in range(12):
        losses.append(distillation.loss(distillation.student(images), images, LossWeights(labels=0, maps=1)))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())


def test_maps_of_the_same_strides_are_compared():
    student, teacher = build_network("mobilenet_v3_small", 2), build_network("resnet18", 2)
    answer = Distillation(student, teacher, 1.0, STRIDES).student(torch.zeros(2, 3, 64, 64))
    assert isinstance(answer, Opinion)
    assert [each.shape for each in answer.maps] == [(2, 48, 4, 4), (2, 576, 2, 2)]


def test_a_network_without_maps_can_not_teach():
    with pytest.raises(UserError, match="VisionTransformer has no feature maps"):
        Distillation(build_network("mobilenet_v3_small", 2), build_network("vit_b_16", 2), 1.0, STRIDES)


def test_a_network_without_maps_teaches_by_its_probabilities_where_no_loss_uses_maps():
    student, teacher = build_network("mobilenet_v3_small", 2), build_network("vgg11", 2)
    distillation = Distillation(student, teacher, 1.0, ())
    images = torch.rand(2, 3, 64, 64)
    loss = distillation.loss(distillation.student(images), images, LossWeights(labels=0, teacher=1))
    assert loss > 0
