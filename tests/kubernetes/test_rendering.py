"""What `make kubernetes` writes: all of what follows from the operator's files, and no more."""

import os
import shutil
from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.kubernetes import render
from scripts.serving.places import REPOSITORY
from tests.kubernetes import built

TRAFFIC = (REPOSITORY / "traffic.yaml").read_text(encoding="utf-8")
ENTRY = '"2.0": {"minWorkers": 1, "maxWorkers": 1, "batchSize": 8,'


def texts(folder: Path, traffic: str = TRAFFIC, config: str = built.CONFIG) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    return built.rendered(built.installation(folder, traffic, config))


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(built.FOLDER, tmp_path / "kubernetes"))


def test_the_committed_files_are_what_the_operators_files_render_to(tmp_path: Path) -> None:
    """But for the digests, which are the committed ones: those of archives differ by the CPU that built them."""
    assert [str(change.path) for change in render.changes(built.FOLDER, texts(tmp_path))] == []


def test_the_committed_digests_are_of_every_version() -> None:
    assert {len(digest) for digest in built.digests(["1.0", "2.0"]).values()} == {64}
    made_up = built.digests(["9.9"])
    assert built.digests(["9.9", "1.0"])["1.0"] not in made_up.values()


def test_a_weight_changes_the_route_and_no_pod(tmp_path: Path) -> None:
    before = texts(tmp_path)
    after = texts(tmp_path, TRAFFIC.replace('"1.0": 90', '"1.0": 40').replace('"2.0": 10', '"2.0": 60'))
    assert changed(before, after) == {"base/generated/httproute.yaml"}
    built_before = built.overlay("production")
    built_after = built.kustomize(built.changed_copy(tmp_path, after) / "overlays" / "production")
    differ = [one["kind"] for one, other in zip(built_before, built_after, strict=True) if one != other]
    assert differ == ["HTTPRoute"]


def test_a_shadow_of_the_split_changes_the_route_alone(tmp_path: Path) -> None:
    before = texts(tmp_path)
    after = texts(tmp_path, TRAFFIC.replace("shadow: null", 'shadow: {version: "2.0", percent: 5}'))
    assert changed(before, after) == {"components/shadow/generated/kustomization.yaml"}


def test_a_setting_of_one_version_changes_that_versions_pod_and_no_other(tmp_path: Path) -> None:
    before = texts(tmp_path)
    after = texts(tmp_path, config=built.CONFIG.replace(ENTRY, ENTRY.replace('"batchSize": 8', '"batchSize": 4')))
    assert changed(before, after) == {"base/generated/versions/2.0/config.properties"}


def test_more_workers_of_one_version_make_that_versions_pod_larger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a machine with room for them, which the one that tests may not be.
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    more = ENTRY.replace('"minWorkers": 1, "maxWorkers": 1', '"minWorkers": 3, "maxWorkers": 3')
    before, after = texts(tmp_path), texts(tmp_path, config=built.CONFIG.replace(ENTRY, more))
    folder = "base/generated/versions/2.0"
    assert changed(before, after) == {f"{folder}/config.properties", f"{folder}/kustomization.yaml"}
    assert "cpu: '3'" in after[f"{folder}/kustomization.yaml"]


def test_a_setting_of_the_server_changes_every_pod(tmp_path: Path) -> None:
    before = texts(tmp_path)
    after = texts(tmp_path, config=built.CONFIG.replace("job_queue_size=100", "job_queue_size=50"))
    assert changed(before, after) == {
        f"base/generated/versions/{version}/config.properties" for version in ("1.0", "2.0")
    }


def test_a_slower_edge_gives_pods_longer_to_end(tmp_path: Path) -> None:
    after = texts(tmp_path, TRAFFIC.replace("timeout_s: 30", "timeout_s: 90"))
    assert "terminationGracePeriodSeconds: 124\n" in after["base/generated/versions/1.0/kustomization.yaml"]


@pytest.mark.parametrize(
    ("traffic", "sentence"),
    [
        ('split: {"1.0": 50, "1-0": 50}', r"versions 1\.0 and 1-0 are both classifier-1-0 on Kubernetes; rename one"),
        ('split: {"1.0-RC": 50, "1.0-rc": 50}', r"are both classifier-1-0-rc on Kubernetes"),
        ('split: {"1.0": 100}\nshadow: {version: "1-0"}', r"versions 1\.0 and 1-0 are both"),
        (f'split: {{"{"1" * 53}": 100}}', r"is longer than the 63 letters of a Service's name"),
        ('split: {"1.0_": 100}', r"version 1\.0_: a label of Kubernetes ends with a letter or a digit"),
        (
            "split: {" + ", ".join(f'"{number}": {100 if number == 1 else 0}' for number in range(1, 16)) + "}",
            r"15 versions need more rules than the 16 of an HTTPRoute; take out versions that have no weight",
        ),
    ],
)
def test_versions_that_do_not_fit_are_one_sentence(tmp_path: Path, traffic: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        texts(tmp_path, traffic)


def test_as_many_versions_as_a_route_has_room_for_are_built(tmp_path: Path) -> None:
    split = ", ".join(f'"{number}": {100 if number == 1 else 0}' for number in range(1, 15))
    rendered = texts(tmp_path, f'split: {{{split}}}\nshadow: {{version: "20"}}')
    objects = built.kustomize(built.changed_copy(tmp_path, rendered) / "overlays" / "local")
    [route] = built.of_kind(objects, "HTTPRoute")
    assert len(route["spec"]["rules"]) == 16


def test_writing_twice_changes_nothing_the_second_time(copied: Path, tmp_path: Path) -> None:
    rendered = texts(tmp_path / "files", 'split: {"1.0": 50, "3.0": 50}')
    first = render.changes(copied, rendered)
    assert first
    render.write(copied, first)
    assert render.changes(copied, rendered) == []


def test_what_is_taken_back_leaves_every_file_as_it_was(copied: Path, tmp_path: Path) -> None:
    def content() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}

    before = content()
    found = render.changes(copied, texts(tmp_path / "files", 'split: {"1.0": 50, "3.0": 50}'))
    render.write(copied, found)
    assert content() != before
    render.write(copied, [change.back() for change in found])
    assert content() == before


def test_a_version_that_goes_leaves_no_folder(copied: Path, tmp_path: Path) -> None:
    with_a_shadow = texts(tmp_path / "files", 'split: {"1.0": 100}\nshadow: {version: "3.0"}')
    render.write(copied, render.changes(copied, with_a_shadow))
    versions = "generated/versions"
    assert not (copied / "base" / versions / "2.0").exists()
    assert (copied / "components/shadow" / versions / "3.0").is_dir()
    render.write(copied, render.changes(copied, texts(tmp_path / "files")))
    assert not (copied / "components/shadow" / versions).exists()
    assert (copied / "base" / versions / "2.0").is_dir()


def test_a_file_that_is_written_by_hand_is_not_touched(copied: Path, tmp_path: Path) -> None:
    by_hand = copied / "components" / "monitoring" / "podmonitor.yaml"
    by_hand.write_text("# mine\n")
    stale = copied / "base" / "generated" / "versions" / "0.9" / "traffic.yaml"
    stale.parent.mkdir()
    stale.write_text("split: {}\n")
    assert [str(change.path) for change in render.changes(copied, texts(tmp_path / "files"))] == [
        "base/generated/versions/0.9/traffic.yaml"
    ]
    assert by_hand.read_text() == "# mine\n"


def test_a_change_is_shown_as_a_diff() -> None:
    change = render.Change(Path("base/a.yaml"), "a: 1\n", "a: 2\n")
    assert change.text() == "--- base/a.yaml\n+++ base/a.yaml\n@@ -1 +1 @@\n-a: 1\n+a: 2\n"
