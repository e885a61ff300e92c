"""Puts a change of the route into effect, or takes it back, whatever comes between."""

from typing import NoReturn

from scripts.errors import UserError
from scripts.kubernetes.acceptance import wait_accepted
from scripts.kubernetes.cluster import Cluster
from scripts.kubernetes.patch import Patch, Route, back
from scripts.signals import uninterrupted


def put(cluster: Cluster, found: Route, patch: Patch) -> None:
    """Patch the route and wait until the Gateway has taken it; make of it what it was if that does not come about.

    Raises:
        UserError: somebody has changed what the patch goes by, or the API server or the Gateway refuses it; the route
            is as it was found, or the sentence says that this is not known.
        KeyboardInterrupt, SystemExit: a signal came; the route is as it was found.
    """
    try:
        wait_accepted(cluster, _generation(cluster, patch))
    except BaseException as error:
        with uninterrupted():
            _take_back(cluster, found, patch, error)
        raise


def _generation(cluster: Cluster, patch: Patch) -> int:
    """Return the generation that the patched route has."""
    try:
        # A request that is cut off may take effect all the same, later than anybody looks.
        with uninterrupted():
            return int(cluster.patch_route(patch.operations)["metadata"]["generation"])
    except UserError as error:
        now = cluster.route()
        # An answer that was lost is no refusal: what the route is now decides.
        if patch.took(now):
            return int(now["metadata"]["generation"])
        raise UserError(
            f"the route in {cluster.where()} does not take the change: {error}; if somebody else changes it just now, "
            "try again."
        ) from error


def _take_back(cluster: Cluster, found: Route, patch: Patch, error: BaseException) -> None:
    try:
        now = cluster.route()
        if patch.took(now):
            cluster.patch_route(back(now, found))
    except UserError as other:
        _unknown(cluster, error, other)


def _unknown(cluster: Cluster, error: BaseException, other: UserError) -> NoReturn:
    said = str(error) or "interrupted."
    raise UserError(
        f"{said} Whether the route in {cluster.where()} was changed is not known ({other}); "
        f"`make status {cluster.words}` shows it."
    ) from error
