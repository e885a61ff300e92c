import shutil

import pytest

from scripts.errors import UserError
from scripts.pipeline.spec import MODELS, Spec


@pytest.fixture
def models(tmp_path):
    for name in ("elpv", "imagenet"):
        shutil.copytree(MODELS / name, tmp_path / name)
    return tmp_path


def like(models, name, text):
    (models / name).mkdir()
    (models / name / "spec.yaml").write_text(text)
    return models / name


def test_a_spec_like_another_has_all_of_it_but_what_it_says_itself(models):
    folder = like(models, "lucky", "like: elpv\nname: lucky\ntraining: {seed: 8}\n")
    spec, other = Spec.load(folder), Spec.load(models / "elpv")
    assert spec.recipe == other.recipe.model_copy(update={"seed": 8})
    assert (spec.name, spec.labels, spec.gate) == ("lucky", other.labels, other.gate)
    assert spec.split_path == other.split_path
    assert spec.checkpoint_path == folder / "checkpoint.safetensors"


def test_a_list_is_taken_whole_and_a_likeness_of_a_likeness_goes_on_from_it(models):
    phase = "{name: all, epochs: 1, batch: 2, side: 32, scale: [1, 1], learning_rate: 1, weight_decay: 0, "
    phase += "loss: {labels: 1}}"
    like(models, "short", f"like: elpv\nname: short\ntraining: {{phases: [{phase}]}}\n")
    spec = Spec.load(like(models, "bare", "like: short\nname: bare\ntraining: {average: 0, teacher: null}\n"))
    assert [phase.epochs for phase in spec.recipe.phases] == [1]
    assert (spec.recipe.average, spec.recipe.teacher, spec.recipe.temperature) == (0, None, 2)
    assert spec.split_path == models / "elpv" / "split.csv"


def test_labels_in_a_file_are_the_other_models(models):
    spec = Spec.load(like(models, "birds", "like: imagenet\nname: birds\n"))
    assert spec.labels == Spec.load(models / "imagenet").labels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("like: elpv\n", r"lucky.spec\.yaml: `name` is missing; .* needs one of its own"),
        ("like: elvp\nname: lucky\n", r"elvp.spec\.yaml: no such spec; the models here are: elpv"),
        ("like: lucky\nname: lucky\n", r"`like: lucky`: name another model"),
        ("like: ../models/elpv\nname: lucky\n", r"`like: \.\./models/elpv`: name another model"),
        ("like: [elpv]\nname: lucky\n", r"`like: \['elpv'\]`: name another model"),
        (
            "like: elpv\nname: lucky\ntraining: {sead: 8}\n",
            r"lucky.spec\.yaml: unknown key `training\.sead`; did you mean",
        ),
    ],
)
def test_what_it_can_not_be_like_is_one_sentence(models, text, message):
    with pytest.raises(UserError, match=message):
        Spec.load(like(models, "lucky", text))


def test_two_that_are_like_each_other_are_refused(models):
    like(models, "first", "like: second\nname: first\n")
    like(models, "second", "like: first\nname: second\n")
    with pytest.raises(UserError, match="`like: first`: name another model"):
        Spec.load(models / "first")
