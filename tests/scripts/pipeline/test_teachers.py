import shutil

import pytest

from scripts.errors import UserError
from scripts.pipeline.lineage import trained_before
from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.teachers import teacher_of, trained_teacher


@pytest.fixture
def models(tmp_path):
    for name in ("elpv", "elpv_teacher"):
        shutil.copytree(MODELS / name, tmp_path / name)
    return tmp_path


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_committed_teacher_may_teach(models):
    assert trained_teacher(Spec.load(models / "elpv")).architecture == "mobilenet_v2"


def test_teachers_of_teachers_are_trained_first(models):
    shutil.copytree(models / "elpv_teacher", models / "first")
    change(models / "elpv_teacher" / "spec.yaml", "  average:", "  teacher: first\n  average:")
    assert trained_before(Spec.load(models / "elpv")) == ("first", "elpv_teacher")
    change(models / "first" / "spec.yaml", "  average:", "  teacher: elpv_teacher\n  average:")
    with pytest.raises(UserError, match="elpv_teacher would go on from itself, or teach itself"):
        trained_before(Spec.load(models / "elpv"))


def test_what_a_model_goes_on_from_is_trained_before_it_once():
    assert trained_before(Spec.load(MODELS / "elpv_pruned_50_qat")) == ("elpv_teacher", "elpv", "elpv_pruned_50")


def test_a_model_that_names_no_teacher_has_none(models):
    assert teacher_of(Spec.load(models / "elpv_teacher")) is None


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("labels: [functional, defective]", "labels: [sound, broken]", "elpv_teacher has other labels"),
        ("mean: [0.485,", "mean: [0.5,", "elpv_teacher has another mean or std"),
        ("../elpv/split.csv", "own.csv", "may have learned from test images"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused_with_the_key_and_the_reason(models, old, new, reason):
    split = (models / "elpv" / "split.csv").read_text()
    (models / "elpv_teacher" / "own.csv").write_text(split.replace(",test", ",train", 1))
    change(models / "elpv_teacher" / "spec.yaml", old, new)
    with pytest.raises(UserError, match=rf"`training\.teacher`: .*{reason}"):
        teacher_of(Spec.load(models / "elpv"))


def test_a_teacher_that_learned_by_a_split_before_the_present_one_may_not_teach(models):
    split = models / "elpv" / "split.csv"  # of both
    split.write_text(split.read_text().replace(",test", ",train", 1))
    with pytest.raises(UserError, match=r"elpv_teacher.checkpoint\.safetensors: learned by another split\.csv"):
        trained_teacher(Spec.load(models / "elpv"))


def test_a_teacher_that_is_not_trained_is_named_with_the_command(models):
    (models / "elpv_teacher" / "checkpoint.safetensors").unlink()
    with pytest.raises(UserError, match="not trained yet; `make train MODEL=elpv_teacher`"):
        trained_teacher(Spec.load(models / "elpv"))
