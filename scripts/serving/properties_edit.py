"""Rewrites `models={…}` in config.properties and nothing else."""

import json
from pathlib import Path
from typing import Any

import javaproperties


def with_workers(path: Path, model: str, version: str, workers: int) -> str:
    """Return the text of config.properties with so many workers for a version; comments and other keys are kept."""
    models = _models(path)
    entry = models.setdefault(model, {}).setdefault(version, {})
    entry["minWorkers"] = entry["maxWorkers"] = workers
    return _with(path, models)


def only(path: Path, model: str, version: str) -> str:
    """Return the text of config.properties with one version's entry and no other, where it has one."""
    entries = _models(path).get(model, {})
    return _with(path, {model: {version: entries[version]}} if version in entries else {})


def _models(path: Path) -> dict[str, Any]:
    lines = javaproperties.parse(path.read_text())
    return dict(json.loads(next((getattr(line, "value", "") for line in lines if _is_models(line)), "{}")))


def _with(path: Path, models: dict[str, Any]) -> str:
    lines = list(javaproperties.parse(path.read_text()))
    source = f"models={_continued(models)}\n"
    if not any(_is_models(line) for line in lines):
        return path.read_text().rstrip("\n") + "\n" + source
    return "".join(source if _is_models(line) else line.source for line in lines)


def _is_models(line: Any) -> bool:
    return getattr(line, "key", None) == "models"


def _continued(models: dict[str, Any]) -> str:
    """Return one line a version, as the shipped file has it; a backslash continues a property on the next line."""
    blocks = []
    for model, versions in models.items():
        entries = ",\\\n".join(f"    {json.dumps(version)}: {json.dumps(entry)}" for version, entry in versions.items())
        blocks.append(f"  {json.dumps(model)}: {{\\\n{entries}\\\n  }}")
    return "{\\\n" + ",\\\n".join(blocks) + "\\\n}"
