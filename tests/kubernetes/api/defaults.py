"""The fields that the real API server fills in where a manifest leaves them out.

They are in every answer of a real cluster, so that a patch's `test` of a whole object meets them. The route's are the
`default:` of its CustomResourceDefinition (Gateway API, standard channel), the Deployment's those of apps/v1 that a
rollout depends on.
"""

from typing import Any


def fill_in(manifest: dict[str, Any]) -> None:
    """Add what is missing to `manifest`, in place."""
    spec = manifest.get("spec", {})
    if manifest["kind"] == "HTTPRoute":
        _route(spec)
    elif manifest["kind"] == "Deployment":
        _missing(spec, replicas=1, progressDeadlineSeconds=600)


def _route(spec: dict[str, Any]) -> None:
    for parent in spec.get("parentRefs", []):
        _missing(parent, group="gateway.networking.k8s.io", kind="Gateway")
    spec.setdefault("rules", [{}])
    for rule in spec["rules"]:
        rule.setdefault("matches", [{}])
        for match in rule["matches"]:
            _missing(match.setdefault("path", {}), type="PathPrefix", value="/")
            for header in match.get("headers", []):
                _missing(header, type="Exact")
        for backend in rule.get("backendRefs", []):
            _missing(backend, group="", kind="Service", weight=1)
        for each in rule.get("filters", []):
            if "requestMirror" in each:
                _missing(each["requestMirror"].get("backendRef", {}), group="", kind="Service")


def _missing(fields: dict[str, Any], **defaults: Any) -> None:
    for name, value in defaults.items():
        fields.setdefault(name, value)
