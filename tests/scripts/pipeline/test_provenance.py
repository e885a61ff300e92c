import json
import shutil
from pathlib import Path

import pytest
import torch

from scripts.errors import UserError
from scripts.pipeline.network import save_checkpoint
from scripts.pipeline.provenance import header, learned
from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.weights import evidence


@pytest.fixture
def spec(tmp_path):
    return Spec.load(shutil.copytree(MODELS / "elpv", tmp_path / "elpv"))


@pytest.fixture
def checkpoint(tmp_path, spec):
    path = tmp_path / "mine.safetensors"
    save_checkpoint({"weight": torch.ones(2)}, path, header(spec))
    return path


def test_a_checkpoint_says_what_it_learned_whatever_the_spec_says_later(spec, checkpoint):
    changed = spec.model_copy(update={"training": spec.recipe.model_copy(update={"seed": 99})})
    found = evidence(changed, checkpoint)
    assert found["recipe"]["seed"] == spec.recipe.seed
    assert len(found["checkpoint_sha256"]) == 64


def test_a_checkpoint_that_learned_by_another_split_is_refused(spec, checkpoint):
    spec.split_path.write_text(spec.split_path.read_text().replace(",test", ",train", 1))
    with pytest.raises(UserError, match=r"learned by another split\.csv .* test images may be among"):
        learned(spec, checkpoint)


def test_a_checkpoint_of_other_labels_is_refused(spec, checkpoint):
    other = spec.model_copy(update={"labels": ("defective", "functional")})
    with pytest.raises(UserError, match=r"its labels are \[\"functional\", \"defective\"\]"):
        learned(other, checkpoint)


def test_of_a_checkpoint_from_elsewhere_nothing_is_claimed(tmp_path, spec):
    path = tmp_path / "theirs.safetensors"
    save_checkpoint({"weight": torch.ones(2)}, path, {})
    assert learned(spec, path) == {"note": "trained elsewhere: whether it learned from test images is not known"}


def test_a_checkpoint_that_is_not_there_is_named_with_the_command_that_makes_it(spec):
    with pytest.raises(UserError, match=r"mine\.safetensors: no such checkpoint; .*`make train`"):
        evidence(spec, Path("mine.safetensors"))
    spec.checkpoint_path.unlink()
    with pytest.raises(UserError, match=r"checkpoint\.safetensors: no such checkpoint; .*`make train MODEL=elpv`"):
        evidence(spec, None)


def begun(spec, start):
    return spec.model_copy(update={"training": spec.recipe.model_copy(update={"start": str(start)})})


def test_weights_that_began_from_others_say_so_unless_those_learned_by_the_same_split(tmp_path, spec, checkpoint):
    mine = tmp_path / "again.safetensors"
    spec_of_mine = begun(spec, checkpoint)
    save_checkpoint({"weight": torch.ones(2)}, mine, header(spec_of_mine))
    assert "note" not in learned(spec_of_mine, mine)
    spec.split_path.write_text(spec.split_path.read_text().replace(",test", ",train", 1))
    save_checkpoint({"weight": torch.ones(2)}, mine, header(spec_of_mine))
    assert learned(spec, mine)["note"] == (
        f"began from {checkpoint}, which learned by another split: if test images are among those, "
        "these figures are too good"
    )


def test_labels_in_the_header_survive_commas(tmp_path, spec):
    labels = ("ships, old", "\u00c4pfel")
    assert json.loads(header(spec.model_copy(update={"labels": labels}))["labels"]) == list(labels)
