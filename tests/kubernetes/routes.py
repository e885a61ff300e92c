"""What a route says, whether it is Envoy's at the edge or the gateway's in a cluster."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from scripts.kubernetes import names
from scripts.serving.edge import Edge
from scripts.serving.places import Ports
from scripts.serving.traffic import Traffic
from tests.kubernetes.built import Object

MODEL = "mobilenet_v3"
PREDICTIONS = f"/predictions/{MODEL}"
# What is split, and pinned by a path of its own or by a header; KServe's path by a header alone.
ASKED_FOR = (PREDICTIONS, f"/explanations/{MODEL}")
KSERVE = f"/v1/models/{MODEL}:predict"
SPLIT_PATHS = (*ASKED_FOR, KSERVE)


@dataclass
class Route:
    """One way of saying it, to be compared with the other.

    Attributes:
        weights: by version, in order.
        paths: the version that a path of its own leads to, by path.
        headers: the same by the path that is split and the value of x-model-version.
        shadow: the version and percent that copies go to.
        timeouts_s: every limit that is set for an answer.
    """

    weights: dict[str, int] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    headers: dict[tuple[str, str], str] = field(default_factory=dict)
    shadow: tuple[str, int] | None = None
    timeouts_s: set[float] = field(default_factory=set)


def prepared(folder: Path, traffic: Traffic) -> dict[str, Any]:
    """Return the files that the edge writes for Envoy, parsed, by name."""
    edge = Edge(folder, Ports(monitoring=traffic.edge.monitoring_port), MODEL, access_log=None)
    edge.prepare(traffic)
    return {path.stem: yaml.load(path.read_text(), yaml.CSafeLoader) for path in edge.folder.glob("*.yaml")}


def of_edge(folder: Path, traffic: Traffic) -> Route:
    """Return what the edge's routes say."""
    files = prepared(folder, traffic)
    found = Route()
    for each in _routes(files["routes"]):
        # What is for people is any pod's own, and needs no rule.
        if "route" not in each or each["name"] in ("page", "live"):
            continue
        action, match = each["route"], each["match"]
        found.timeouts_s.add(_seconds(action["timeout"]))
        asked = {one["name"]: one["string_match"]["exact"] for one in match["headers"] if "invert_match" not in one}
        assert asked.pop(":method") == "POST"
        if "weighted_clusters" in action:
            assert match["path"] in SPLIT_PATHS
            assert asked == {}
            weights = {_version(each["name"]): each["weight"] for each in action["weighted_clusters"]["clusters"]}
            # Newcomers, who get a cookie, are split like everybody else, and explanations like predictions.
            assert not found.weights or found.weights == weights
            found.weights = weights
            if match["path"] in (PREDICTIONS, KSERVE):
                found.shadow = _edges_shadow(action, files["shadow"])
            else:
                assert "request_mirror_policies" not in action
        elif asked:
            assert match["path"] in SPLIT_PATHS
            found.headers[match["path"], asked["x-model-version"]] = _version(action["cluster"])
        else:
            found.paths[match["path"]] = _version(action["cluster"])
    return found


def sticky_header(files: dict[str, Any]) -> str | None:
    """Return the header whose value draws the version."""
    policies = _hash_policies(files)
    return next((each["header"]["header_name"] for each in policies if "header" in each), None)


def sticky_cookie(files: dict[str, Any]) -> str | None:
    """Return the cookie that draws it where there is no such header."""
    return next((each["cookie"]["name"] for each in _hash_policies(files) if "cookie" in each), None)


def _hash_policies(files: dict[str, Any]) -> list[Any]:
    # The last: newcomers, who have neither, come before everybody else.
    action = [each["route"] for each in _routes(files["routes"]) if "weighted_clusters" in each.get("route", {})][-1]
    policies: list[Any] = action.get("hash_policy", [])
    assert bool(policies) == action["weighted_clusters"]["use_hash_policy"]
    return policies


def body_limits(files: dict[str, Any]) -> set[int]:
    """Return every limit of a request's body, in bytes."""
    return {int(found) for found in re.findall(r"'max_request_bytes': (\d+)", str(files["bootstrap"]))}


def _edges_shadow(action: Any, shadow: Any) -> tuple[str, int] | None:
    ways = [each["route"] for each in _routes(shadow) if "route" in each]
    mirrors = action.get("request_mirror_policies", [])
    assert len(ways) == len(mirrors)
    if not mirrors:
        return None
    [share] = [mirror["runtime_fraction"]["default_value"] for mirror in mirrors]
    assert share["denominator"] == "HUNDRED"
    return _version(ways[0]["cluster"]), share["numerator"]


def of_gateway(route: Object, versions: list[str]) -> Route:
    """Return what an HTTPRoute says; its Services are called after versions."""
    called = {names.of(version): version for version in versions}
    found = Route()
    for rule in route["spec"]["rules"]:
        found.timeouts_s.add(_seconds(rule["timeouts"]["request"]))
        backends = {called[each["name"]]: each["weight"] for each in rule["backendRefs"]}
        if rule["name"] == names.SPLIT:
            found.weights = backends
            mirrors = [each["requestMirror"] for each in rule.get("filters", [])]
            found.shadow = next(((called[one["backendRef"]["name"]], one["percent"]) for one in mirrors), None)
            continue
        [version] = backends
        for match in rule["matches"]:
            assert (match["method"], match["path"]["type"]) == ("POST", "Exact")
            if "headers" not in match:
                found.paths[match["path"]["value"]] = version
                continue
            assert match["path"]["value"] in SPLIT_PATHS
            [header] = match["headers"]
            assert (header["name"], header["type"]) == ("x-model-version", "Exact")
            found.headers[match["path"]["value"], header["value"]] = version
    return found


def _routes(file: Any) -> list[Any]:
    [configuration] = file["resources"]
    [host] = configuration["virtual_hosts"]
    routes: list[Any] = host["routes"]
    return routes


def _version(cluster: str) -> str:
    return cluster.removeprefix("version-")


def _seconds(duration: str) -> float:
    [(number, unit)] = re.findall(r"^(\d+)(ms|s)$", duration)
    return int(number) / (1000 if unit == "ms" else 1)
