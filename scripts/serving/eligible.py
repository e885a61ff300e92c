"""Which versions may get traffic, and who takes that of a version that can't."""

from collections.abc import Collection, Mapping

from scripts.errors import UserError
from scripts.serving.ejections import Ejection
from scripts.serving.management import Description
from scripts.serving.traffic import Traffic


def require(wanted: Traffic, registered: Mapping[str, Description], opened: Collection[str]) -> None:
    """Return when every version that `wanted` names is registered to its end, and can answer where it gets requests.

    Args:
        wanted: what is to be in effect.
        registered: by version, what TorchServe says of it.
        opened: the versions whose path at the edge is open, which is what registering one ends with.

    Raises:
        UserError: one can't, with the command that mends it.
    """
    idle = {version for version, weight in wanted.split.items() if weight == 0}
    idle -= {wanted.shadow.version} if wanted.shadow else set()
    for version in wanted.versions:
        description = registered.get(version)
        # Without traffic, too: the next start registers whatever traffic.yaml names.
        if description is None:
            raise UserError(f"version {version} is not registered; `make register VERSION={version}` first.")
        if not description.ready and version not in idle:
            raise UserError(
                f"version {version} has no worker that is ready ({', '.join(description.workers) or 'none'}); "
                f"`make scale VERSION={version} WORKERS=1`, or see `make status`."
            )
        if version not in opened:
            raise UserError(
                f"version {version} is registered, but not ready for traffic: the command that did it was cut off; "
                f"`make register VERSION={version}` first."
            )


def without(wanted: Traffic, version: str, registered: Mapping[str, Description]) -> Traffic | None:
    """Return `wanted` with the share of `version` given to the greatest other; None when no other can answer."""
    split = {name: weight for name, weight in wanted.split.items() if name != version}
    able = [name for name in split if name in registered and registered[name].ready]
    if not able:
        return None
    heir = max(able, key=lambda name: split[name])
    split[heir] += wanted.split.get(version, 0)
    shadow = wanted.shadow if wanted.shadow and wanted.shadow.version != version else None
    return wanted.model_copy(update={"split": split, "shadow": shadow})


def without_ejected(wanted: Traffic, registered: Mapping[str, Description], out: Mapping[str, Ejection]) -> Traffic:
    """Return `wanted` without the versions that are `out` of the split, their shares given to others.

    Raises:
        UserError: no other can answer.
    """
    able = {version: description for version, description in registered.items() if version not in out}
    for version in [version for version in wanted.versions if version in out]:
        less = without(wanted, version, able)
        if less is None:
            raise UserError(
                f"version {version} is out of the split, for {out[version].reason}, and no other can answer."
            )
        wanted = less
    return wanted


def require_no_more(wanted: Traffic, before: Traffic, out: Mapping[str, Ejection]) -> None:
    """Return when no version that is `out` of the split is to get more than traffic.yaml gave it `before`.

    Raises:
        UserError: one is.
    """
    for version, ejection in out.items():
        if wanted.split.get(version, 0) > before.split.get(version, 0):
            raise UserError(
                f"version {version} is out of the split, for {ejection.reason}; when `make status` has it ready again, "
                "`make apply` puts it back."
            )
