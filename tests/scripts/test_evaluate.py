import json
from pathlib import Path

from scripts.evaluate import as_json, as_text, evaluate
from scripts.pipeline.elpv import part
from scripts.pipeline.evaluation import Result
from scripts.pipeline.spec import Spec

SPEC = Spec.load(Path("models/elpv"))


def test_the_cell_types_add_up_to_all_cells():
    cells = part(SPEC.split_path, "val")[::40]
    results = evaluate(SPEC, SPEC.checkpoint_path, cells)
    assert results["all"].images == len(cells) == results["mono"].images + results["poly"].images
    assert results["all"].correct == results["mono"].correct + results["poly"].correct


def test_the_committed_checkpoint_is_better_than_always_answering_functional():
    result = evaluate(SPEC, SPEC.checkpoint_path, part(SPEC.split_path, "val")[:120])["all"]
    assert result.accuracy > sum(result.confusion[0]) / result.images


def test_the_report_names_labels_and_interval():
    results = {"all": Result(10, 8, ((6, 1), (1, 2)))}
    text = as_text(results, SPEC.labels)
    assert "all: 80.00% of 10 (95 % interval 49.02% to 94.33%)" in text
    assert "defective: 1 called functional, 2 called defective" in text
    assert json.loads(as_json(results))["all"]["accuracy"] == 0.8
