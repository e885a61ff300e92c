"""A custom resource definition as an API server applies it: defaults first, then the schema, then the CEL rules."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from tests.kubernetes import cel, structural
from tests.kubernetes.structural import Schema

# The definition says no more than `type: object`: the API server knows these itself.
_METADATA: Schema = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "namespace": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}


@dataclass(frozen=True)
class Definition:
    """One kind in one version."""

    schema: Schema

    @classmethod
    def read(cls, path: Path, version: str) -> "Definition":
        spec = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)["spec"]
        [found] = [each for each in spec["versions"] if each["name"] == version and each["served"]]
        schema = found["schema"]["openAPIV3Schema"]
        schema["properties"]["metadata"] = _METADATA
        return cls(structural.strict(schema))

    def wrong(self, each: Any) -> list[str]:
        """Return what an API server says against an object; an empty list: it takes it.

        Raises:
            Exception: a rule can't be evaluated here, which says nothing about the object.
        """
        each = structural.with_defaults(self.schema, each)
        validator = jsonschema.Draft202012Validator(self.schema)
        said = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(each)]
        # Like the API server: rules can rely on the schema.
        return said or [*structural.repeated(self.schema, each, "$"), *cel.broken_rules(self.schema, each, "$")]

    def rules(self) -> set[str]:
        """Return every rule, wherever it stands."""
        return {rule["rule"] for part in structural.parts(self.schema) for rule in cel.rules(part)}
