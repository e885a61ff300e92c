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


def test_random_weights_have_no_statistics_that_could_stay_frozen(tmp_path):
    folder = written(tmp_path, "    - name: maps", "    - batch_norm: frozen\n      name: maps")
    with pytest.raises(UserError, match=r"`start: random` has no statistics that phase 'maps' could keep by `batch_n"):
        Spec.load(folder)


def test_statistics_that_an_earlier_phase_learned_may_stay_frozen(tmp_path):
    folder = written(tmp_path, "    - name: labels", "    - batch_norm: frozen\n      name: labels")
    assert [phase.batch_norm for phase in Spec.load(folder).recipe.phases] == ["learns", "frozen"]


def test_broken_yaml_is_one_sentence_that_names_the_file(tmp_path):
    (tmp_path / "spec.yaml").write_text("name: [unclosed\n")
    with pytest.raises(UserError, match=r"spec\.yaml: not YAML"):
        Spec.load(tmp_path)


def test_an_unknown_model_is_answered_with_the_known_ones():
    with pytest.raises(UserError, match=r"the models here are: .*elpv"):
        Spec.load(Path("models/nothing"))


@pytest.mark.parametrize("labels", ['["crane", "owl", "crane"]', r'["\u00e9", "owl", "e\u0301"]'])
def test_a_label_that_is_there_twice_is_refused_where_images_are_labelled(tmp_path, labels):
    folder = written(tmp_path, "labels: [functional, defective]", f"labels: {labels}")
    with pytest.raises(UserError, match=r"spec\.yaml: `labels` has '(crane|é)' twice, .*; rename one of them"):
        Spec.load(folder)


def test_a_label_may_be_there_twice_where_no_image_is_labelled(tmp_path):
    text = Path("models/imagenet/spec.yaml").read_text()
    (tmp_path / "spec.yaml").write_text(text.replace("labels: labels.txt", "labels: [crane, owl, crane]"))
    assert Spec.load(tmp_path).labels == ("crane", "owl", "crane")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_of_labels_is_read_with_and_without_a_byte_order_mark(tmp_path, encoding):
    folder = written(tmp_path, "labels: [functional, defective]", "labels: labels.txt")
    (folder / "labels.txt").write_text("кот\ndog\n", encoding=encoding)
    assert Spec.load(folder).labels == ("кот", "dog")


def test_a_file_of_labels_in_another_encoding_is_named(tmp_path):
    folder = written(tmp_path, "labels: [functional, defective]", "labels: labels.txt")
    (folder / "labels.txt").write_text("mäuse\ndog\n", encoding="latin-1")
    with pytest.raises(UserError, match=r"labels\.txt: not UTF-8; save the labels as text in UTF-8"):
        Spec.load(folder)
