import itertools

import pytest
import torch

from scripts.errors import UserError
from scripts.pipeline.training.log import draw, write_csv
from tests.scripts.pipeline.planted import FORMATS, Planted, refused

from .conftest import phase


def train(trainer, images, epochs=None, basis="basis"):
    trainer.resume(basis)
    for _ in itertools.islice(trainer.epochs(images, lambda: 0.0, lambda phase, count: None), epochs):
        pass


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_run_that_was_stopped_and_resumed_ends_with_the_weights_of_one_that_was_not(
    tmp_path, images, new_trainer, stop
):
    aware = phase("int8", 2, batch_norm="frozen", quantization_aware=True)
    phases = (phase("head", 1, trains="head", batch_norm="frozen"), phase("all", 1), aware)
    whole = new_trainer(tmp_path / "whole", *phases)
    train(whole, images)
    train(new_trainer(tmp_path / "halves", *phases), images, epochs=stop)

    resumed = new_trainer(tmp_path / "halves", *phases)
    assert resumed.resume("basis") == stop
    train(resumed, images)

    assert resumed.log == whole.log
    assert all(torch.equal(value, resumed.weights[name]) for name, value in whole.weights.items())


def test_a_phase_with_rounded_numbers_ends_with_other_weights_than_one_without(tmp_path, images, new_trainer):
    exact, aware = (
        new_trainer(tmp_path / str(wanted), phase("all", 1, quantization_aware=wanted)) for wanted in (False, True)
    )
    for trainer in (exact, aware):
        train(trainer, images)
    assert not all(torch.equal(value, aware.weights[name]) for name, value in exact.weights.items())


def test_a_run_is_not_resumed_with_other_settings(tmp_path, images, new_trainer):
    train(new_trainer(tmp_path, phase("all", 1)), images)
    with pytest.raises(UserError, match=r"state\.pt: begun with other training settings; `RESTART=1`"):
        new_trainer(tmp_path, phase("all", 1, learning_rate=0.002)).resume("basis")


def test_a_run_is_not_resumed_with_other_images(tmp_path, images, new_trainer):
    train(new_trainer(tmp_path, phase("all", 2)), images, epochs=1)
    with pytest.raises(UserError, match=r"state\.pt: begun with other images, labels, .* or teacher; `RESTART=1`"):
        train(new_trainer(tmp_path, phase("all", 2)), images, basis="another")


def test_a_phase_that_has_not_begun_may_change(tmp_path, images, new_trainer):
    train(new_trainer(tmp_path, phase("first", 1), phase("second", 1)), images, epochs=1)
    longer = new_trainer(tmp_path, phase("first", 1), phase("second", 2))
    assert longer.resume("basis") == 1
    train(longer, images)
    assert len(longer.log) == 3


def test_it_learns_to_tell_dark_from_light(tmp_path, images, new_trainer):
    learning = new_trainer(tmp_path, phase("all", 8, learning_rate=0.003))
    train(learning, images)
    assert learning.log[-1].loss < 0.5 * learning.log[0].loss


def test_the_learning_rate_warms_up_and_falls_to_almost_nothing(tmp_path, images, new_trainer):
    learning = new_trainer(tmp_path, phase("all", 6))
    train(learning, images)
    rates = [line.learning_rate for line in learning.log]
    assert max(rates) <= 0.001
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] < 0.0001


def test_a_loss_that_explodes_ends_the_run_with_what_to_do(tmp_path, images, new_trainer):
    with pytest.raises(UserError, match="phase all: the loss is no longer finite; lower its learning_rate"):
        train(new_trainer(tmp_path, phase("all", 3, learning_rate=1e20)), images)


def test_the_log_and_its_figure_are_written(tmp_path, images, new_trainer):
    learning = new_trainer(tmp_path, phase("first", 1), phase("second", 1))
    train(learning, images)
    write_csv(learning.log, tmp_path / "log.csv")
    draw(learning.log, tmp_path / "log.png")
    header = (tmp_path / "log.csv").read_text().splitlines()[0]
    assert header == "epoch,phase,learning_rate,loss,val_loss,val_accuracy,seconds"
    assert (tmp_path / "log.png").read_bytes().startswith(b"\x89PNG")


@FORMATS
def test_a_pickle_in_the_place_of_the_state_is_not_read(tmp_path, new_trainer, write):
    planted = Planted(tmp_path / "ran")
    write(planted, tmp_path / "state.pt")
    trainer = new_trainer(tmp_path, phase("all", 1))
    assert "`RESTART=1` begins anew" in refused(planted, UserError, lambda: trainer.resume("basis"))
