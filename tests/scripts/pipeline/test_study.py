import json
import shutil

import pytest

from scripts.errors import UserError
from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.study import tables as study_tables
from scripts.pipeline.study.basis import made_of
from scripts.pipeline.study.definition import Study
from scripts.pipeline.study.tables import tables


@pytest.fixture
def spec(tmp_path):
    shutil.copytree(MODELS / "elpv", tmp_path / "elpv")
    return Spec.load(tmp_path / "elpv")


SEEN = {
    "images": {"val": 100, "test": 200},
    "images_sha256": {"val": "v", "test": "t"},
    "wrong": {"val": {"1": 0, "2": 0}, "test": {"3": 1}},
    "val": {"float32": {"accuracy": 0.88, "loss": 0.34}, "int8": {"accuracy": 0.87, "loss": 0.35, "agreement": 0.98}},
}


def row(float32, int8, **more):
    interval = {"accuracy_95": [0.8, 0.9], "roc_auc": 0.91}
    paired = {"agreement": 0.99, "drop": 0.01, "drop_95": [-0.005, 0.02], "mcnemar_p": 0.25}
    measured = {
        "float32": {"accuracy": float32, **interval},
        "int8 arithmetic": {"accuracy": int8, **interval, "paired": paired},
        "fp32 arithmetic": {"accuracy": 0.5, **interval, "paired": paired},
    }
    return {"epochs": 70, "measured": measured, **SEEN, **more}


def write(spec, study, models, times=None):
    (spec.folder / "study.yaml").write_text(study)
    found = {"models": models, "times": {"machine": {}, "models": times} if times else {}}
    (spec.folder / study_tables.FILE_NAME).write_text(json.dumps(found))


def test_seeds_have_a_mean_and_the_standard_deviation_of_a_sample(spec):
    write(spec, "seeds: [a, b, c]", {"a": row(0.86, 0.85), "b": row(0.87, 0.87), "c": row(0.88, 0.89)})
    *_, means, deviations = tables(spec).seeds.splitlines()
    assert means == "| **mean** |  | 88.00 % | 87.00 % | 87.00 % |  |"
    assert deviations == "| **standard deviation** |  | 0.00 points | 1.00 points | 2.00 points |  |"


def test_models_that_nobody_measured_are_named_and_in_no_table(spec):
    write(spec, "seeds: [a, b]\nparts: {whole: a, half: c}", {"a": row(0.86, 0.85)})
    found = tables(spec)
    assert found.missing == ("b", "c")
    assert "`a`" in found.seeds
    assert "mean" not in found.seeds
    assert "half" not in found.parts


def test_sizes_are_shares_of_the_first_models_arithmetic_with_both_graphs_times(spec):
    ms = {name: {"1": [1.5, 1.4, 1.6], "8": [1.2, 1.1, 1.3]} for name in ("float32", "int8")}
    times = {"a": {"checkpoint_sha256": "before", **ms}, "b": {"checkpoint_sha256": "now", **ms}}
    size = {"checkpoint_sha256": "now", "bytes": {"float32": 6_000_000, "int8": 2_000_000}}
    models = {
        "a": row(0.86, 0.85, multiply_adds=60_000_000, **size),
        "b": row(0.84, 0.83, multiply_adds=30_000_000, **size),
    }
    write(spec, "sizes: [a, b, c]", models, times)
    _, _, of_another_checkpoint, *_, line = tables(spec).sizes.splitlines()
    assert "| 6.00 |  |  | 88.00 % | 86.00 %" in of_another_checkpoint
    assert line.startswith("| `b` | 30.0 million (50%) | int8 | 2.00 | 1.50 (1.40 to 1.60) | 1.20 (1.10 to 1.30) | 87.")
    assert line.endswith("| -1.00 (-2.00 to +0.50), p 0.25; float32 | 99.00 % |")


def test_models_are_held_against_the_first_image_by_image(spec):
    worse = {"val": {"1": 0, "2": 0, "4": 0, "5": 0, "6": 0, "7": 1, "8": 1}, "test": {"3": 1}}
    models = {"a": row(0.86, 0.85), "b": row(0.86, 0.85, wrong=worse)}
    write(spec, "seeds: [a, b]\nparts: {whole: a, half: b}", models)
    first, other, *_ = tables(spec).seeds.splitlines()[2:]
    assert first.endswith("|  |")
    # Five images that only the first calls rightly, of 100: McNemar's p is twice 1/2^5.
    assert "| -5.00 (-11.18 to -1.12), p 0.062 |" in other
    # The same images wrong in both.
    assert "| +0.00 (-1.88 to +1.88), p 1 |" in tables(spec).parts.splitlines()[-1]


def test_nothing_is_held_against_another_than_the_first(spec):
    size = {"multiply_adds": 10**6, "checkpoint_sha256": "", "bytes": {"float32": 1, "int8": 1}}
    models = {"b": row(0.86, 0.85, **size), "c": row(0.84, 0.85, **size)}
    write(spec, "seeds: [a, b, c]\nparts: {whole: a, half: b, third: c}\nsizes: [a, b, c]", models)
    found = tables(spec)
    assert found.seeds.splitlines()[3].endswith("| 85.00 % |  |")
    assert found.parts.splitlines()[-1].endswith("|  | 0.9100 |")
    assert "| 1.0 million | float32 | 0.00 |  |  | 88.00 % | 84.00 % (80.00 to 90.00 %) |  |  |" in found.sizes


def test_models_that_were_not_judged_on_the_same_images_are_not_held_against_each_other(spec):
    other = {"val": "another", "test": "t"}
    models = {"a": row(0.86, 0.85), "b": row(0.86, 0.85, images_sha256=other)}
    write(spec, "seeds: [a, b]\nparts: {whole: a, half: b}", models)
    assert tables(spec).seeds.splitlines()[3].endswith("| 85.00 % |  |")
    assert "| +0.00 (-1.88 to +1.88), p 1 |" in tables(spec).parts.splitlines()[-1]


def test_int8_that_a_machine_can_not_measure_is_in_no_mean(spec):
    unmeasured = row(0.86, 0.85)
    del unmeasured["measured"]["int8 arithmetic"]
    write(spec, "seeds: [a, b, c]\nparts: {whole: a}", {"a": unmeasured, "b": row(0.86, 0.8), "c": row(0.86, 0.9)})
    _, _, first, *_, means, deviations = tables(spec).seeds.splitlines()
    assert first.endswith("| 86.00 % | unmeasured |  |")
    assert means.endswith("| 86.00 % | 85.00 % |  |")
    assert deviations.endswith("| 0.00 points | 7.07 points |  |")
    assert "unmeasured" in tables(spec).parts


def test_figures_of_another_checkpoint_are_named_and_not_shown(spec):
    write(spec, "seeds: [elpv, a]", {"elpv": row(0.86, 0.85, **made_of(spec)), "a": row(0.9, 0.9)})
    assert tables(spec).stale == ()
    spec.checkpoint_path.write_bytes(b"trained again")
    found = tables(spec)
    assert found.stale == ("elpv",)
    assert "`elpv`" not in found.seeds
    assert "`a`" in found.seeds


def test_a_model_without_a_study_has_no_tables(spec):
    (spec.folder / "study.yaml").unlink()
    assert tables(spec) is None


def test_the_committed_study_is_of_the_committed_checkpoints():
    assert tables(Spec.load(MODELS / "elpv")).stale == ()


def test_every_model_of_the_committed_study_is_there():
    for model in Study.of(MODELS / "elpv").models:
        assert Spec.load(MODELS / model).labels == Spec.load(MODELS / "elpv").labels


@pytest.mark.parametrize(
    ("text", "message"),
    [("seed: [a]", r"study\.yaml: unknown key `seed`; did you mean `seeds`"), ("- a", "must hold keys and values")],
)
def test_a_mistake_in_it_is_one_sentence(spec, text, message):
    (spec.folder / "study.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        Study.of(spec.folder)
