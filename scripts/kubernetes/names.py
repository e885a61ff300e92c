"""What things are called in a cluster."""

import re
from collections.abc import Iterable

from scripts.errors import UserError

APP = "mobilenet-v3-on-torchserve"
# The Gateway, the route, and with a version's suffix all that belongs to the version.
CLASSIFIER = "classifier"
SPLIT = "split"
VERSION_LABEL = "app.kubernetes.io/version"
# Of a Service's name (RFC 1035); the longest that is made of a version.
_LONGEST = 63


def slug(version: str) -> str:
    """Return a version as a part of a name: lower case, letters, digits and `-`."""
    return re.sub(r"[^a-z0-9-]", "-", version.lower()).strip("-")


def suffix(version: str) -> str:
    """Return what the names of all that belongs to a version end with."""
    return f"-{slug(version)}"


def of(version: str) -> str:
    """Return the name of a version's Deployment and Service."""
    return CLASSIFIER + suffix(version)


def pin(version: str) -> str:
    """Return the name of the rule that leads to one version."""
    return f"pin{suffix(version)}"


def require_distinct(versions: Iterable[str]) -> None:
    """Return when each version has a name of its own that Kubernetes takes.

    Raises:
        UserError: two have the same, or one is too long, or is no value of a label.
    """
    seen: dict[str, str] = {}
    for version in dict.fromkeys(versions):
        name = of(version)
        # Each version is a label of its pods. The rest of what labels ask for is asked of every version (traffic.yaml).
        if not version[-1].isalnum():
            raise UserError(f"version {version}: a label of Kubernetes ends with a letter or a digit; rename it.")
        if len(name) > _LONGEST:
            raise UserError(f"version {version}: {name} is longer than the {_LONGEST} letters of a Service's name.")
        if name in seen:
            raise UserError(f"versions {seen[name]} and {version} are both {name} on Kubernetes; rename one.")
        seen[name] = version
