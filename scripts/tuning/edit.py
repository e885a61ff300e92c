"""Changes single values of config.properties and leaves the rest of the text as it is."""

import json
from collections.abc import Mapping
from typing import Any

import javaproperties

MODELS = "models"


def with_settings(text: str, model: str, settings: Mapping[str, Mapping[str, int]]) -> str:
    """Return config.properties with these keys of `models={…}` set.

    Args:
        text: of the file.
        model: the served name.
        settings: version → key (`batchSize`, `minWorkers`, …) → value; other keys and versions are kept.
    """
    models = json.loads(_value(text, MODELS) or "{}")
    for version, values in settings.items():
        models.setdefault(model, {}).setdefault(version, {}).update(values)
    return with_value(text, MODELS, _continued(models))


def with_value(text: str, key: str, value: str) -> str:
    """Return config.properties with one key set, in its place or at the end; `value` is written as it is."""
    line = f"{key}={value}\n"
    parts = list(javaproperties.parse(text))
    if not any(getattr(part, "key", None) == key for part in parts):
        return text.rstrip("\n") + "\n" + line
    return "".join(line if getattr(part, "key", None) == key else part.source for part in parts)


def _value(text: str, key: str) -> str | None:
    return javaproperties.loads(text).get(key)


def _continued(models: Mapping[str, Any]) -> str:
    # A line a version, as the shipped file has it; a backslash continues a property on the next line.
    blocks = [
        f"  {json.dumps(model)}: {{\\\n"
        + ",\\\n".join(f"    {json.dumps(version)}: {json.dumps(entry)}" for version, entry in versions.items())
        + "\\\n  }"
        for model, versions in models.items()
    ]
    return "{\\\n" + ",\\\n".join(blocks) + "\\\n}"
