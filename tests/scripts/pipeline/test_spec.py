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


def test_training_crops_larger_than_the_resized_cell_are_refused(tmp_path):
    folder = written(tmp_path, "side: 160", "side: 320")
    with pytest.raises(UserError, match="`side` must be a multiple of 32 and at most `resize`"):
        Spec.load(folder)


def test_a_phase_longer_than_its_schedule_is_refused(tmp_path):
    folder = written(tmp_path, "schedule: 40", "schedule: 39")
    with pytest.raises(UserError, match="`epochs` must be at most `schedule`"):
        Spec.load(folder)


def test_broken_yaml_is_one_sentence_that_names_the_file(tmp_path):
    (tmp_path / "spec.yaml").write_text("name: [unclosed\n")
    with pytest.raises(UserError, match=r"spec\.yaml: not YAML"):
        Spec.load(tmp_path)


def test_an_unknown_model_is_answered_with_the_known_ones():
    with pytest.raises(UserError, match=r"the models here are: .*elpv"):
        Spec.load(Path("models/nothing"))
