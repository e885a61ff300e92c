"""Label and field selectors, as they stand in a query."""

import re
from typing import Any

_TERMS = re.compile(r",(?![^(]*\))")
_SET = re.compile(r"(?P<key>\S+) (?P<word>in|notin) \((?P<values>[^)]*)\)")


def selects(query: dict[str, str], manifest: dict[str, Any]) -> bool:
    """Whether the query's `labelSelector` and `fieldSelector` take the object; only metadata's fields are known."""
    labels = manifest["metadata"].get("labels", {})
    fields = {f"metadata.{key}": value for key, value in manifest["metadata"].items()}
    return all(
        _holds(term.strip(), values)
        for selector, values in ((query.get("labelSelector"), labels), (query.get("fieldSelector"), fields))
        for term in _TERMS.split(selector or "")
    )


def _holds(term: str, values: dict[str, str]) -> bool:
    if found := _SET.fullmatch(term):
        listed = values.get(found["key"]) in [each.strip() for each in found["values"].split(",")]
        return listed == (found["word"] == "in")
    if "!=" in term:
        key, value = term.split("!=")
        return values.get(key) != value
    if "=" in term:
        key, value = re.split("==?", term)
        return values.get(key) == value
    if term.startswith("!"):
        return term[1:] not in values
    return not term or term in values
