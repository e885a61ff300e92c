"""Which two versions are compared."""

from collections.abc import Collection, Mapping

from scripts.errors import UserError


class NotSeen(UserError):
    """A version is in no log."""


def choose(
    split: Mapping[str, int], seen: Collection[str], baseline: str | None, candidate: str | None
) -> tuple[str, str] | None:
    """Return the baseline and the candidate; None where there is but one version.

    The baseline is the version with the most weight, the candidate the one with the next; after those with weight come
    those that were only seen, such as a shadow.

    Args:
        split: percent by version, as it is now.
        seen: versions in the logs.
        baseline: named, or None.
        candidate: named, or None.

    Raises:
        NotSeen: a version that was named is in no log.
        UserError: both are the same.
    """
    for named in (baseline, candidate):
        if named is not None and named not in seen:
            raise NotSeen(f'version "{named}" is in no log; there are {", ".join(sorted(seen)) or "none"}.')
    if baseline is not None and baseline == candidate:
        raise UserError(f'"{baseline}" can\'t be compared with itself; name two versions.')
    by_weight = sorted(seen, key=lambda version: (-split.get(version, 0), version))
    first = baseline or next((version for version in by_weight if version != candidate), None)
    second = candidate or next((version for version in by_weight if version != first), None)
    return (first, second) if first and second else None
