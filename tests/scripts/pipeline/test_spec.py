from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.pipeline.spec import Spec

COMMITTED = Path("models/elpv/spec.yaml").read_text()


def written(folder: Path, old: str, new: str) -> Path:
    assert old in COMMITTED
    (folder / "spec.yaml").write_text(COMMITTED.replace(old, new, 1))
    return folder


def test_the_committed_spec_is_read():
    spec = Spec.load(Path("models/elpv"))
    assert spec.labels == ("functional", "defective")
    assert spec.checkpoint_path == Path("models/elpv/checkpoint.safetensors")


def test_a_misspelt_key_is_named_with_the_nearest_known_one(tmp_path):
    folder = written(tmp_path, "max_drop: 0.01", "max_drop: 0.01, max_dorp: 0.01")
    with pytest.raises(UserError, match=r"spec\.yaml: unknown key `gate\.max_dorp`; did you mean `max_drop`\?"):
        Spec.load(folder)


def test_a_missing_key_is_named(tmp_path):
    folder = written(tmp_path, "labels: [functional, defective]\n", "")
    with pytest.raises(UserError, match=r"spec\.yaml: `labels` is missing"):
        Spec.load(folder)


def test_a_threshold_that_is_no_fraction_is_refused(tmp_path):
    folder = written(tmp_path, "max_drop: 0.01", "max_drop: 1.5")
    with pytest.raises(UserError, match=r"gate\.max_drop.*1\.5"):
        Spec.load(folder)


@pytest.mark.parametrize(("old", "new"), [("side: 160", "side: 150"), ("scale: [0.8, 1]", "scale: [1, 0.8]")])
def test_crops_that_do_not_fit_are_refused(tmp_path, old, new):
    folder = written(tmp_path, old, new)
    with pytest.raises(UserError, match="`side` must be a multiple of 32; `scale` two shares of 1, the smallest first"):
        Spec.load(folder)


def test_a_loss_by_a_teacher_that_is_not_named_is_refused(tmp_path):
    folder = written(tmp_path, "  teacher: elpv_teacher", "  # teacher: elpv_teacher")
    with pytest.raises(UserError, match="a phase's loss uses a `teacher`, so name one"):
        Spec.load(folder)


def test_broken_yaml_is_one_sentence_that_names_the_file(tmp_path):
    (tmp_path / "spec.yaml").write_text("name: [unclosed\n")
    with pytest.raises(UserError, match=r"spec\.yaml: not YAML"):
        Spec.load(tmp_path)


def test_an_unknown_model_is_answered_with_the_known_ones():
    with pytest.raises(UserError, match=r"the models here are: .*elpv"):
        Spec.load(Path("models/nothing"))
