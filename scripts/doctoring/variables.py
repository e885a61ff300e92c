"""Variables of the shell that have an effect nobody expects, or none. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scripts.doctoring.finding import Finding, look, ok

_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_HERE = ("127.0.0.1", "localhost")
# What TorchServe's environment is made without (scripts/serving/torchserve.py).
_DROPPED = {
    "PYTHONPATH": "it would come before the archives' own code",
    "TS_CONFIG_FILE": "config.properties is the file; CONFIG names another",
    "LOG_LOCATION": "RUN_DIR says where logs go",
    "METRICS_LOCATION": "RUN_DIR says where logs go",
}


def findings(environment: Mapping[str, str]) -> list[Finding]:
    """Return what is found in `environment`; values are not shown, a proxy's may hold a password."""
    found = [*_proxies(environment), *_without_effect(environment)]
    return found or [ok("environment", "no proxy in the way to this machine, no variable without effect")]


def _proxies(environment: Mapping[str, str]) -> Iterator[Finding]:
    named = [name for name in _PROXIES if environment.get(name)]
    exceptions = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    past = {name.strip() for name in exceptions.split(",")}
    if named and "*" not in past and not past.issuperset(_HERE):
        yield look(
            "proxy",
            f"{' and '.join(named)} would take curl's requests to this machine elsewhere (the verbs go past it)",
            f"export no_proxy={','.join(_HERE)}{',' + exceptions if exceptions else ''}",
        )


def _without_effect(environment: Mapping[str, str]) -> Iterator[Finding]:
    for name, why in _DROPPED.items():
        if environment.get(name):
            yield look("environment", f"{name} is set, and no worker sees it: {why}", f"unset {name}")
    for name in sorted(environment):
        if name.startswith("HANDLER_"):
            key = f"handler.{name.removeprefix('HANDLER_').lower()}"
            yield look("environment", f"{name} is set, and no worker sees it", f"set {key} in config.properties")
