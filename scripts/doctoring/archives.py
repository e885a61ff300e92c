"""The archives of the versions that traffic.yaml names: there, whole, and through their gate."""

from dataclasses import dataclass

from handler.errors import ArchiveError
from handler.metadata import Metadata
from scripts.doctoring.finding import Finding, broken, look, ok
from scripts.errors import UserError
from scripts.pipeline.archive import archive_path
from scripts.pipeline.spec import DEFAULT_MODEL
from scripts.serving.installation import Installation
from scripts.serving.places import shown

_BUILT_BY_SERVE = {"1.0": "float32", "2.0": "int8"}


@dataclass(frozen=True)
class Looked:
    """What the archives say.

    Attributes:
        findings: one for each version.
        whole: what those that are in order say of themselves, by version.
    """

    findings: list[Finding]
    whole: dict[str, Metadata]


def look_at(wanted: Installation) -> Looked:
    """Return what is found of each version's archive."""
    findings: list[Finding] = []
    whole: dict[str, Metadata] = {}
    for version in wanted.traffic.versions:
        try:
            archive = wanted.verified(version)
            archive.require_passed()
        except (UserError, ArchiveError) as error:
            findings.append(_missing(wanted, version, str(error)))
            continue
        whole[version] = archive
        images = archive.gate.get("images")
        said = f"{archive.precision}, digests right, gate passed" + (f" on {images} images" if images else "")
        findings.append(ok(f"archive of {version}", said))
    return Looked(findings, whole)


def _missing(wanted: Installation, version: str, sentence: str) -> Finding:
    named = "" if wanted.model == DEFAULT_MODEL else f" MODEL={wanted.model}"
    precision = _BUILT_BY_SERVE.get(version, "float32|int8")
    fix = f"make archive{named} VERSION={version} PRECISION={precision}"
    near = _near(wanted, version)
    found = sentence.split("; ", maxsplit=1)[0]
    if not near and version in _BUILT_BY_SERVE and not wanted.places.archive(wanted.spec.name, version).exists():
        return look(f"archive of {version}", "not built yet", f"make serve{named} builds it, or: {fix}")
    if near:
        # A version is a name: "1" is not "1.0".
        found, fix = f"{found} (there is {near})", f'write "{near}" in {shown(wanted.places.traffic)}, or: {fix}'
    return broken(f"archive of {version}", found, fix)


def _near(wanted: Installation, version: str) -> str | None:
    store, name = wanted.places.model_store, wanted.spec.name
    if archive_path(store, name, version).exists():
        return None
    spellings = [f"{version}.0", version.removesuffix(".0"), version.removeprefix("v"), f"v{version}"]
    return next((one for one in spellings if one != version and archive_path(store, name, one).is_file()), None)
