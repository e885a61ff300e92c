"""What two versions said of the same image, by the prediction logs."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import duckdb

from scripts.reporting import logs, tables
from scripts.reporting.mirrored import PAIRED_ANSWERS

_MORE = """
    seen.time, seen.image, seen.probability, seen.margin,
    copy.probability AS shadow_probability, copy.margin AS shadow_margin
"""
# Of several pairs of versions, one that disagrees.
_BY_IMAGE = f"""
    SELECT DISTINCT ON (image) image, strftime(time, '%Y-%m-%dT%H:%M:%S.%gZ'), version, label, probability, margin,
        shadow_version, shadow_label, shadow_probability, shadow_margin
    FROM ({PAIRED_ANSWERS.format(table="of_kept", more=_MORE, order="seen.time, seen.request_id")})
    ORDER BY image, label = shadow_label, time
"""


@dataclass(frozen=True)
class Said:
    """What a version said of an image."""

    version: str
    label: str
    probability: float | None
    margin: float | None


@dataclass(frozen=True)
class Pair:
    """What the version said that answered the caller, and the shadow.

    `time` is when, ISO 8601, UTC.
    """

    time: str
    answered: Said
    shadow: Said

    @property
    def disagree(self) -> bool:
        """Whether their labels differ."""
        return self.answered.label != self.shadow.label


def pairs(run: Path, model: str, digests: Collection[str]) -> tuple[dict[str, Pair], list[tables.Malformed]]:
    """Return the answers to each of these images that two versions answered, by its digest; and malformed lines."""
    with duckdb.connect() as connection:
        malformed = tables.load(connection, [logs.only_predictions(run, model)], model)
        connection.execute(
            "CREATE TABLE of_kept AS SELECT * FROM answers WHERE image IN (SELECT unnest($digests))",
            {"digests": list(digests)},
        )
        rows = connection.execute(_BY_IMAGE).fetchall()
    return {image: Pair(time, Said(*said[:4]), Said(*said[4:])) for image, time, *said in rows}, malformed
