import json
import re

from ruamel.yaml import YAML

from scripts.pipeline.card import evidence
from scripts.pipeline.card.page import card, is_ours
from scripts.pipeline.spec import Spec
from tests.scripts.pipeline.card.conftest import SPEC, fabricated


def front_matter(text: str) -> dict:
    return YAML(typ="safe").load(re.match(r"---\n(.*?)\n---\n", text, flags=re.DOTALL)[1])


def test_a_new_model_gets_a_whole_card_without_a_word_from_its_owner(pets: Spec) -> None:
    text = card(pets)
    headings = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    assert headings == [
        *("How to use it", "Data and licence", "Intended use", "Figures", "Goals", "Where it is wrong"),
        *("Quantization", "Training", "Files"),
    ]
    assert "| **accuracy** | 90.00 % (85.00 to 95.00 %) | 89.00 % (84.00 to 94.00 %) |" in text
    assert "None is set; `models/pets/goals.yaml` is the place." in text
    assert "Always answering `cat` would be right for 60.00 %" in text
    assert "`min_accuracy` 0.5, `max_drop` 0.01." in text
    assert "Of 5 test images the data itself gives no label for certain; 1 of those are" in text
    assert "c" * 64 in text
    assert "The archives name no recipe." in text


def test_torchvisions_weights_are_named_in_the_place_of_a_checkpoint(pets: Spec) -> None:
    (pets.folder / "spec.yaml").write_text(SPEC.replace("checkpoint: checkpoint.safetensors", "weights: IMAGENET1K_V1"))
    (pets.folder / "evidence.json").write_text(json.dumps({**fabricated(), "checkpoint_bytes": None}))
    text = card(Spec.load(pets.folder))
    assert "| weights | torchvision's mobilenet\\_v3\\_small, IMAGENET1K\\_V1 |\n| versions |" in text
    assert f"| torchvision's mobilenet\\_v3\\_small, IMAGENET1K\\_V1 | | `{'c' * 64}` |" in text
    assert "learned from train" not in text


def test_the_same_files_give_the_same_card(pets: Spec) -> None:
    assert card(pets) == card(Spec.load(pets.folder))


def test_the_front_matter_is_what_the_hub_reads(pets: Spec) -> None:
    said = front_matter(card(pets))
    assert (said["license"], said["pipeline_tag"], said["datasets"]) == (
        "cc-by-4.0",
        "image-classification",
        ["imagefolder"],
    )
    (model,) = said["model-index"]
    (result,) = model["results"]
    assert model["name"] == "pets"
    assert result["task"]["type"] == "image-classification"
    assert result["dataset"] == {"type": "imagefolder", "name": "Cats | dogs", "split": "test"}
    assert result["metrics"][0] == {"type": "accuracy", "value": 0.9, "name": "Accuracy, float32 (version 1.0)"}
    names = [metric["name"] for metric in result["metrics"] if metric["type"] == "accuracy"]
    assert names == ["Accuracy, float32 (version 1.0)", "Accuracy, fp32 arithmetic (version 2.0)"]
    assert {metric["type"] for metric in result["metrics"]} <= set(said["metrics"])


def test_names_with_markup_show_as_they_are(pets: Spec) -> None:
    text = card(pets)
    assert "# Cats \\| dogs\n" in text
    assert "| dog/\\_1\\_\\|x.png |  | dog | cat | 99.00 % |" in text
    assert "| cat/2.png |  | cat (75.00 % by the data) | dog | 60.00 % |" in text


def test_every_table_has_as_many_cells_in_each_row(pets: Spec) -> None:
    blocks = re.findall(r"(?:^\|.*\n)+", card(pets), flags=re.MULTILINE)
    assert len(blocks) > 5
    for block in blocks:
        widths = {len(re.sub(r"\\.", "", line).split("|")) for line in block.splitlines()}
        assert len(widths) == 1, block


def test_no_more_than_one_empty_line_follows_another(pets: Spec) -> None:
    assert "\n\n\n" not in card(pets)


def test_notes_are_there_as_they_are_and_what_was_tried_stands_by_the_goals(pets: Spec) -> None:
    tried = "## What was tried, and why\n\n- *Everything* | {{ twice }}"
    use = "## Intended use\n\nFun.\n\n```sh\n## no heading\n```"
    (pets.folder / "notes.md").write_text(f"{use}\n\n{tried}\n\n## Out of scope\n\nThe rest.\n")
    text = card(pets)
    assert f"{use}\n\n## Out of scope\n\nThe rest.\n\n## Figures" in text
    assert text.index("## Goals") < text.index(tried) < text.index("## Where it is wrong")


def test_what_is_said_of_several_models_stands_before_the_training_under_the_cards_heading(pets: Spec) -> None:
    (pets.folder / "notes.md").write_text(
        "## Several models side by side\n\nThe small one.\n\n## Out of scope\n\nAll.\n"
    )
    text = card(pets)
    assert "## Several models side by side\n\nThe small one.\n\n## Training" in text
    assert "## Out of scope\n\nAll.\n\n## Figures" in text


def test_goals_are_held_against_the_figures_and_a_missed_one_asks_for_a_reason(pets: Spec) -> None:
    goals = "teacher_accuracy: 0.9\nfloat32_accuracy: 0.97\nint8_archive_mb: 3\n"
    published = "published: [{what: Somebody, accuracy: 0.99, source: a paper}]\n"
    (pets.folder / "goals.yaml").write_text(goals + published)
    text = card(pets)
    assert "| teacher, accuracy | at least 90.00 % |  |  | **not measured** |" in text
    assert "| float32, accuracy | at least 97.00 % | 90.00 % | 85.00 to 95.00 % | **missed** |" in text
    assert "| int8, size of the archive | at most 3 MB | 2.90 MB |  | reached |" in text
    assert "| Somebody | 99.00 % | above ours (85.00 to 95.00 %) | a paper |" in text
    assert "is not written yet" in text
    (pets.folder / "notes.md").write_text("## What was tried\n\nAll.\n")
    assert "is not written yet" not in card(pets)


def test_a_comparison_of_another_checkpoint_is_not_shown(pets: Spec) -> None:
    (pets.folder / "quantization.md").write_text("| a table |\n")
    (pets.folder / "quantization.json").write_text(json.dumps({"checkpoint_sha256": "0" * 64}))
    text = card(pets)
    assert "a table" not in text
    assert "is about another checkpoint" in text
    (pets.folder / "quantization.json").write_text(json.dumps({"checkpoint_sha256": "c" * 64}))
    assert "## Quantization\n\n| a table |\n" in card(pets)


def test_recipe_log_and_teacher_are_told(pets: Spec) -> None:
    phases = [{"name": "head", "epochs": 1, "scale": [0.5, 1]}, {"name": "all", "epochs": 2, "loss": {"labels": 1}}]
    teacher = {"folder": "teacher", "accuracy": 0.92, "accuracy_95": [0.9, 0.94]}
    recipe = {"start": "random", "teacher": "teacher", "seed": 7, "phases": phases}
    found = fabricated() | {"recipe": recipe, "teacher": teacher}
    (pets.folder / evidence.FILE_NAME).write_text(json.dumps(found))
    (pets.folder / "training_log.csv").write_text(
        "epoch,phase,val_accuracy,seconds\n1,head,0.5,10\n2,all,0.8,3600\n3,all,0.75,60\n"
    )
    (pets.folder / "goals.yaml").write_text("teacher_accuracy: 0.9\n")
    text = card(pets)
    assert "| phase | head | all |" in text
    assert "| scale | 0.5, 1 | none |" in text
    assert "| loss | none | labels 1 |" in text
    assert text.index("| seed | 7 |") < text.index("| teacher | teacher |")
    assert "3 epochs (head 1, all 2) in 1 h 1 min" in text
    assert "after the last epoch: 75.00 %; the best of any epoch was 80.00 %, after epoch 2" in text
    assert "is right on 92.00 % of the test images (90.00 to 94.00 %); none of its weights are in the" in text
    recipe["start"] = "models/teacher/checkpoint.safetensors"
    (pets.folder / evidence.FILE_NAME).write_text(json.dumps(found))
    assert "94.00 %); its weights, or those of its channels that were kept, are what the training began" in card(pets)
    assert "| teacher, accuracy | at least 90.00 % | 92.00 % | 90.00 to 94.00 % | reached |" in text
    assert "has another recipe by now" in text


def test_what_is_not_known_of_the_training_is_told(pets: Spec) -> None:
    assert "Beware" not in card(pets)
    found = fabricated() | {"note": "began from old.safetensors, which learned by another split"}
    (pets.folder / evidence.FILE_NAME).write_text(json.dumps(found))
    assert "**Beware:** began from old.safetensors, which learned by another split." in card(pets)


def test_folders_that_were_learned_from_besides_are_told(pets: Spec) -> None:
    assert "Besides" not in card(pets)
    found = fabricated() | {"also": [{"folder": "harvest", "images": {"cat": 2, "dog": 3}, "sha256": "0"}]}
    (pets.folder / evidence.FILE_NAME).write_text(json.dumps(found))
    assert "Besides the train part it learned from 5 images of `harvest`, none of which is among the" in card(pets)


def test_a_card_that_somebody_wrote_by_hand_is_told_from_one_of_ours(pets: Spec) -> None:
    path = pets.folder / "README.md"
    assert is_ours(path)
    path.write_text("# My pets\n")
    assert not is_ours(path)
    path.write_text(card(pets))
    assert is_ours(path)
