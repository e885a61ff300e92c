import shutil

import pytest
import torch

from scripts.errors import UserError
from scripts.pipeline import narrowing, provenance
from scripts.pipeline.lineage import archive_command
from scripts.pipeline.network import build_network, load_checkpoint, save_checkpoint
from scripts.pipeline.pruned_spec import pruned_spec
from scripts.pipeline.pruning import NotPrunableError, multiply_adds, pruned
from scripts.pipeline.recipe import fine_tuning
from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.training.run import starting_network
from scripts.pipeline.weights import load_network

SIDE = 64
SMALL = "mobilenet_v3_small"


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Many small steps, over which threads would spend more time agreeing than working."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def models(tmp_path):
    shutil.copytree(MODELS / "elpv", tmp_path / "elpv")
    return tmp_path


def widths(network):
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


@pytest.fixture(scope="module")
def whole():
    torch.manual_seed(1)
    return build_network(SMALL, 2).eval()


@pytest.fixture(scope="module")
def half(whole):
    return pruned(whole, 0.5, SIDE)


def test_a_pruned_network_has_at_most_the_share_of_the_arithmetic_and_all_of_its_classes(whole, half):
    share = multiply_adds(half, SIDE) / multiply_adds(whole, SIDE)
    assert 0.45 < share <= 0.5
    assert half(torch.zeros(3, 3, SIDE, SIDE)).shape == (3, 2)
    assert widths(whole) == widths(build_network(SMALL, 2))


@pytest.mark.parametrize("keep", [0.7, 0.3])
def test_more_and_less_can_be_left(whole, keep):
    share = multiply_adds(pruned(whole, keep, SIDE), SIDE) / multiply_adds(whole, SIDE)
    assert keep - 0.05 < share <= keep


def test_the_same_network_loses_the_same_channels_every_time(whole, half):
    again = pruned(whole, 0.5, SIDE)
    assert all((again.state_dict()[name] == value).all() for name, value in half.state_dict().items())


def test_a_pruned_checkpoint_answers_as_the_network_that_was_saved(half, tmp_path):
    save_checkpoint(half.state_dict(), tmp_path / "half.safetensors", {narrowing.MARK: "true"})
    loaded = load_checkpoint(tmp_path / "half.safetensors", build_network(SMALL, 2))
    assert widths(loaded) == widths(half)
    images = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        torch.testing.assert_close(loaded(images), half.half().float()(images))
    assert multiply_adds(loaded, SIDE) == multiply_adds(half, SIDE)


def test_one_of_other_classes_or_another_architecture_is_refused(half, tmp_path):
    path = tmp_path / "half.safetensors"
    save_checkpoint(half.state_dict(), path, {narrowing.MARK: "true"})
    for network in (build_network(SMALL, 3), build_network("mobilenet_v3_large", 2)):
        with pytest.raises(
            UserError, match=r"half\.safetensors: not a checkpoint of the spec's architecture and labels"
        ):
            load_checkpoint(path, network)


def test_narrow_layers_without_the_mark_are_refused(half, tmp_path):
    save_checkpoint(half.state_dict(), tmp_path / "half.safetensors", {})
    with pytest.raises(UserError, match="not a checkpoint of the spec's architecture"):
        load_checkpoint(tmp_path / "half.safetensors", build_network(SMALL, 2))


def test_more_than_can_be_cut_is_an_error(whole):
    with pytest.raises(NotPrunableError, match=r"^the narrowest that was found has \d+\.\d % of the multiply-adds"):
        pruned(whole, 0.001, SIDE)


def test_a_share_that_no_network_of_the_kind_can_have_makes_no_model(models):
    with pytest.raises(UserError, match=r"KEEP=1: .*elpv: the narrowest that was found has"):
        pruned_spec(Spec.load(models / "elpv"), 1)
    assert [path.name for path in models.iterdir()] == ["elpv"]


def test_a_spec_that_keeps_too_little_is_named_with_the_key():
    spec = Spec.load(MODELS / "elpv_pruned_50")
    training = spec.recipe.model_copy(update={"keep": 0.01})
    with pytest.raises(UserError, match=r"elpv_pruned_50.spec\.yaml: `training\.keep`: the narrowest that was"):
        starting_network(spec.model_copy(update={"training": training}))


def test_a_network_that_can_not_be_read_again_once_it_is_cut_is_refused_before_it_is_trained(models):
    of = Spec.load(models / "elpv")
    text = (of.folder / "spec.yaml").read_text().replace("mobilenet_v3_small", "squeezenet1_1")
    (of.folder / "spec.yaml").write_text(text)
    weights = build_network("squeezenet1_1", 2).state_dict()
    save_checkpoint(weights, of.checkpoint_path, provenance.header(of))
    with pytest.raises(UserError, match=r"KEEP=50: .*elpv: torch-pruning can't follow a SqueezeNet: IndexError"):
        pruned_spec(Spec.load(of.folder), 50)
    assert [path.name for path in models.iterdir()] == ["elpv"]
    recipe = of.recipe.model_copy(update={"start": str(of.checkpoint_path), "keep": 0.5})
    by_hand = Spec.load(of.folder).model_copy(update={"training": recipe})
    with pytest.raises(UserError, match=r"`training\.keep`: torch-pruning can't follow a SqueezeNet"):
        starting_network(by_hand)


def test_training_on_from_a_pruned_model_prunes_it_no_further():
    spec = Spec.load(MODELS / "elpv_pruned_50")
    onwards = spec.model_copy(update={"training": fine_tuning(spec, 1642)})
    assert widths(starting_network(onwards)) == widths(load_network(spec, None))
    assert provenance.header(onwards)[narrowing.MARK]


@pytest.mark.parametrize("name", ["elpv_pruned_50", "elpv_pruned_50_qat"])
def test_its_archive_is_the_next_version_of_the_model_that_was_pruned(name, tmp_path):
    command = archive_command(Spec.load(MODELS / name), tmp_path)
    assert command.startswith("make archive MODEL=elpv VERSION=3.0 PRECISION=int8 CHECKPOINT=")


def test_what_is_not_trained_yet_is_not_pruned_and_makes_no_model(models):
    (models / "elpv" / "checkpoint.safetensors").unlink()
    with pytest.raises(UserError, match=r"elpv.checkpoint\.safetensors: .*make train MODEL=elpv"):
        pruned_spec(Spec.load(models / "elpv"), 50)
    assert [path.name for path in models.iterdir()] == ["elpv"]


def test_pruning_the_default_model_again_gives_the_spec_and_the_widths_that_are_committed(models):
    of, committed = Spec.load(models / "elpv"), Spec.load(MODELS / "elpv_pruned_50")
    spec = pruned_spec(of, 50)
    assert (spec.folder.name, spec.recipe.keep, spec.recipe.teacher) == ("elpv_pruned_50", 0.5, "elpv")
    assert spec.split_path == of.split_path
    text = (spec.folder / "spec.yaml").read_text().replace(f"start: {models}/", "start: models/")
    assert text == (committed.folder / "spec.yaml").read_text()
    assert provenance.header(spec)[narrowing.MARK]
    network, trained = starting_network(spec), load_network(committed, None)
    assert widths(network) == widths(trained)
    assert multiply_adds(network, 224) <= 0.5 * multiply_adds(load_network(of, None), 224)


def test_a_model_of_the_name_that_is_something_else_stays_as_it_is(models):
    of = Spec.load(models / "elpv")
    shutil.copytree(MODELS / "elpv_pruned_50", models / "elpv_pruned_50")
    path = models / "elpv_pruned_50" / "spec.yaml"
    text = path.read_text().replace("start: models/", f"start: {models}/")
    path.write_text(text)
    assert pruned_spec(of, 50).folder == path.parent
    path.write_text(other := text.replace("keep: 0.5", "keep: 0.6"))
    with pytest.raises(UserError, match=r"elpv_pruned_50.spec\.yaml: not .*elpv with 50 % of its multiply-adds"):
        pruned_spec(of, 50)
    assert path.read_text() == other
