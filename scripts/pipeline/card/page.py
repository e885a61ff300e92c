"""The card's text, from files that are committed alone: the same files, the same text, on any machine."""

import json
from pathlib import Path
from typing import Any

import jinja2

from scripts.markdown import table
from scripts.pipeline.card import evidence as collected
from scripts.pipeline.card import figures, text, wrong
from scripts.pipeline.card.front_matter import front_matter
from scripts.pipeline.card.goals import Goals, goal_rows
from scripts.pipeline.card.notes import read_notes
from scripts.pipeline.card.training import log_text, recipe_tables
from scripts.pipeline.lineage import trained_before
from scripts.pipeline.spec import Spec
from scripts.pipeline.study import tables as study_tables
from scripts.pipeline.weights import origin

FILE_NAME = "README.md"
MARK = "<!-- Written by `make card"
"""Without it, a README.md is somebody's own and is not overwritten."""
ERRORS, SHEET = "errors.csv", "errors.png"


def card(spec: Spec) -> str:
    """Return the model card of `spec`: what its folder holds, as one page.

    Raises:
        UserError: there is no evidence in the folder, or a file of it is wrong.
    """
    found = collected.read(spec.folder)
    goals = Goals.of(spec.folder)
    notes = read_notes(spec.folder)
    columns = figures.graphs(found)
    rows = goal_rows(goals, found)
    shown = wrong.read_csv(spec.folder / ERRORS)[: wrong.SHOWN]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; what may hold anything goes through `plain` or `code`
    )
    environment.filters |= {"percent": text.percent, "between": text.between, "plain": text.plain, "code": text.code}
    return environment.get_template("card.md.jinja").render(
        front_matter=front_matter(spec, found),
        mark=MARK,
        spec=spec,
        weights=origin(spec, None),
        model=spec.folder.name,
        evidence=found,
        float32=columns[0][1],
        gate=found["archives"]["2.0"]["gate"],
        labels=_labels(spec.labels),
        commonest=max(found["data"]["test"]["labels"].items(), key=lambda label: label[1]),
        data_table=figures.data_table(found["data"]),
        figures_table=figures.figures_table(columns),
        paired_table=figures.paired_table(columns),
        confusions=figures.confusion_tables(columns, spec.labels),
        goals_table=table(("", "goal", "reached", "95 % interval", ""), rows) if rows else "",
        is_missed=any("**" in row[-1] for row in rows),
        published=figures.published_table(goals.published, columns[0][1]) if goals.published else "",
        notes=notes,
        wrong_table=wrong.wrong_table(shown) if shown else "",
        shown=len(shown),
        quantization=_quantization(spec.folder, found["checkpoint_sha256"]),
        study=study_tables.tables(spec),
        recipe=recipe_tables(found["recipe"]) if found["recipe"] else "",
        also=[(one["folder"], sum(one["images"].values())) for one in found.get("also", ())],
        trained_before=trained_before(spec),
        recipe_teacher=(found["recipe"] or {}).get("teacher"),
        begins_from_teacher=_begins_from_teacher(found["recipe"] or {}),
        recipe_is_current=found["recipe"] == (spec.training and spec.training.model_dump(mode="json")),
        log=log_text(spec.folder / "training_log.csv"),
        has_figure=(spec.folder / "training.png").is_file(),
    )


def is_ours(path: Path) -> bool:
    """Whether a card may be written there: nothing is there, or a card."""
    return not path.is_file() or MARK in path.read_text(encoding="utf-8")


def _begins_from_teacher(recipe: dict[str, Any]) -> bool:
    """Whether the weights began as the teacher's own, as those of a pruned model do."""
    return bool(recipe) and Path(recipe["start"]).parent.name == recipe["teacher"]


def _labels(labels: tuple[str, ...]) -> str:
    most = 20
    named = ", ".join(text.code(label) for label in labels[:most])
    return named if len(labels) <= most else f"{named} and {len(labels) - most} more (`spec.yaml`)"


def _quantization(folder: Path, checkpoint_sha256: str) -> dict[str, Any]:
    """The comparison's Markdown, where it is of this checkpoint; else `missing` or `stale`."""
    comparison, data = folder / "quantization.md", folder / "quantization.json"
    if not comparison.is_file() or not data.is_file():
        return {"state": "missing", "text": ""}
    if json.loads(data.read_text(encoding="utf-8")).get("checkpoint_sha256") != checkpoint_sha256:
        return {"state": "stale", "text": ""}
    return {"state": "current", "text": comparison.read_text(encoding="utf-8").strip()}
