"""YAML files that a person writes beside a model: keys and values."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from scripts.errors import UserError


def read(path: Path) -> dict[str, Any]:
    """Return what a YAML file holds.

    Raises:
        UserError: it is no YAML, or no mapping.
    """
    try:
        mapping = YAML(typ="safe").load(path)
    except YAMLError as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(mapping, dict):
        raise UserError(f"{path}: must hold keys and values")
    return mapping
