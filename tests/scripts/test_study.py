import json

import pytest
import yaml

from scripts import study
from scripts.errors import UserError
from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.study import measuring, timing
from scripts.pipeline.study.basis import made_of


class Stopped(Exception):
    """As Ctrl-C would."""


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Three models of one split, the last without a checkpoint; measuring them says how often it was done."""
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        text = (MODELS / "elpv" / "spec.yaml").read_text().replace("split: split.csv", "split: ../a/split.csv")
        (tmp_path / name / "spec.yaml").write_text(text)
        (tmp_path / name / "checkpoint.safetensors").write_text(name)
    (tmp_path / "c" / "checkpoint.safetensors").unlink()
    (tmp_path / "a" / "split.csv").write_text("file,part\n")
    (tmp_path / "a" / "study.yaml").write_text("sizes: [a, b, c]\n")
    asked = []

    def measure(spec, folder):
        asked.append(spec.folder.name)
        return {**made_of(spec), "measured": len(asked)}

    monkeypatch.setattr(study, "MODELS", tmp_path)
    monkeypatch.setattr(measuring, "measure", measure)
    monkeypatch.setattr(timing, "times", lambda specs, rounds, folder: {name: {"ms": 1} for name in specs})
    return tmp_path, asked


def found(folder):
    return json.loads((folder / "a" / "study.json").read_text())


def test_what_is_known_is_not_measured_again_until_its_checkpoint_is_another(models):
    folder, asked = models
    study.main("a")
    study.main("a")
    assert asked == ["a", "b"]
    (folder / "b" / "checkpoint.safetensors").write_text("trained again")
    study.main("a")
    assert asked == ["a", "b", "b"]
    assert found(folder)["models"]["b"]["measured"] == 3


def test_a_model_whose_checkpoint_is_gone_keeps_its_figures_until_the_split_is_another(models):
    folder, asked = models
    study.main("a")
    (folder / "b" / "checkpoint.safetensors").unlink()
    study.main("a")
    assert found(folder)["models"]["b"]["measured"] == 2
    assert list(found(folder)["times"]["models"]) == ["a"]
    (folder / "a" / "split.csv").write_text("file,part\none,test\n")
    study.main("a")
    assert list(found(folder)["models"]) == ["a"]
    assert asked == ["a", "b", "a"]


def test_one_that_is_stopped_keeps_what_it_measured_and_the_times_of_before(models, monkeypatch):
    folder, _ = models
    study.main("a")
    before = found(folder)
    (folder / "a" / "checkpoint.safetensors").write_text("trained again")
    (folder / "b" / "checkpoint.safetensors").write_text("trained again")
    measure = measuring.measure

    def stopped(spec, of):
        if spec.folder.name == "b":
            raise Stopped
        return measure(spec, of)

    monkeypatch.setattr(measuring, "measure", stopped)
    with pytest.raises(Stopped):
        study.main("a")
    assert found(folder)["models"]["a"]["measured"] == 3
    assert found(folder)["models"]["b"] == before["models"]["b"]
    assert found(folder)["times"] == before["times"]


def test_models_with_images_of_other_sizes_are_not_timed_beside_each_other(models):
    folder, asked = models
    spec = yaml.safe_load((folder / "b" / "spec.yaml").read_text())
    spec["preprocessing"] |= {"resize": 256, "crop": 256}
    (folder / "b" / "spec.yaml").write_text(yaml.safe_dump(spec))
    with pytest.raises(UserError, match=r"`sizes`: b takes images of 256 pixels, and a of 224"):
        study.main("a")
    assert asked == []


def test_a_checkpoint_of_another_split_is_not_measured(tmp_path):
    """By the real measure: images that it learned from would flatter it."""
    folder = tmp_path / "elpv"
    folder.mkdir()
    for name in ("spec.yaml", "checkpoint.safetensors", "training_log.csv"):
        (folder / name).write_bytes((MODELS / "elpv" / name).read_bytes())
    split = (MODELS / "elpv" / "split.csv").read_text()
    (folder / "split.csv").write_text(split.replace(",test", ",train", 1))
    with pytest.raises(UserError, match=r"learned by another split"):
        measuring.measure(Spec.load(folder), tmp_path / "graphs")
    assert not (tmp_path / "graphs").exists()
