"""Cores, memory, ports and programs, each held against what the operator's files want of them."""

import errno
import socket
import sys
from pathlib import Path

import pytest

from scripts.doctoring import archives, cgroup, listening, memory, processors, programs
from scripts.doctoring.finding import BROKEN, LOOK, OK
from tests.scripts.doctoring.conftest import Prepared

VNNI, NO_VNNI = {"avx512_vnni": True, "avx2": True}, {"avx2": True}


def states(found: list) -> dict[str, str]:
    return {finding.check: finding.state for finding in found}


def container(root: Path, name: str, **files: str) -> Path:
    """Write the files of a cgroup below `root` and return what says that this process is in it."""
    folder = root / name
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file.replace("_", ".", 1)).write_text(f"{text}\n")
    own = root / "self"
    own.write_text(f"0::/{name}\n")
    return own


def test_the_narrowest_group_that_this_process_is_in_is_the_limit(tmp_path: Path) -> None:
    own = container(tmp_path, "outer/inner", cpu_max="max 100000", memory_max="1000", memory_current="900")
    (tmp_path / "outer/inner/memory.stat").write_text("anon 100\ninactive_file 300\n")
    (tmp_path / "outer/cpu.max").write_text("150000 100000\n")
    assert cgroup.cores(tmp_path, own) == 1.5
    assert cgroup.memory_left(tmp_path, own) == 400


def test_without_a_group_there_is_no_limit(tmp_path: Path) -> None:
    assert cgroup.cores(tmp_path, tmp_path / "self") is None
    assert cgroup.memory_left(tmp_path, tmp_path / "self") is None


def test_more_workers_than_a_container_may_use_cores_are_looked_at(prepared: Prepared) -> None:
    prepared.edit("config.properties", '"maxWorkers": 1', '"maxWorkers": 2')
    found = processors.cores(prepared.wanted, limit=1)
    assert [finding.state for finding in found] == [OK, LOOK, LOOK]
    assert found[1].fix == "set maxWorkers to 1"
    assert states(processors.cores(prepared.wanted, limit=2))["workers x threads"] == OK


@pytest.mark.parametrize(
    ("arithmetic", "capabilities", "state"),
    [("auto", VNNI, OK), ("auto", NO_VNNI, OK), ("int8", NO_VNNI, LOOK), ("fp32", VNNI, LOOK), ("fp32", NO_VNNI, OK)],
)
def test_what_follows_from_the_cpu_for_int8_is_said_and_a_wrong_choice_looked_at(
    arithmetic: str, capabilities: dict[str, bool], state: str, prepared: Prepared
) -> None:
    prepared.edit("config.properties", "handler.arithmetic=auto", f"handler.arithmetic={arithmetic}")
    whole = archives.look_at(prepared.wanted).whole
    found = processors.int8(prepared.wanted, whole, capabilities)
    assert states(found)["arithmetic of 2.0"] == state
    assert ("compute in int8" in found[0].found) == (capabilities is VNNI)
    assert "arithmetic of 1.0" not in states(found)


def test_an_archive_whose_int8_nobody_measured_can_not_be_forced_to_it(prepared: Prepared) -> None:
    whole = archives.look_at(prepared.wanted).whole
    gate = whole["2.0"].gate | {"unmeasured": {"int8": "no VNNI there"}}
    unmeasured = {"2.0": whole["2.0"].model_copy(update={"gate": gate})}
    assert states(processors.int8(prepared.wanted, unmeasured, VNNI))["arithmetic of 2.0"] == LOOK
    prepared.edit("config.properties", "handler.arithmetic=auto", "handler.arithmetic=int8")
    assert states(processors.int8(prepared.wanted, unmeasured, VNNI))["arithmetic of 2.0"] == BROKEN


def test_memory_is_held_against_the_workers_and_their_worst(prepared: Prepared) -> None:
    mib = 2**20
    wanted = prepared.wanted
    expected = {16_000: OK, 2_000: LOOK, 1_000: BROKEN}
    assert {left: memory.finding(wanted, left * mib).state for left in expected} == expected
    prepared.edit("config.properties", '"minWorkers": 1, "maxWorkers": 1', '"minWorkers": 2, "maxWorkers": 2')
    assert memory.finding(prepared.wanted, 1_900 * mib).state == BROKEN


def test_a_port_that_somebody_else_has_is_broken_and_names_him_and_the_variable(prepared: Prepared) -> None:
    assert states(listening.findings(prepared.wanted))["ports"] == OK
    with socket.create_server(("127.0.0.1", int(prepared.environment["MANAGEMENT_PORT"]))):
        found = listening.findings(prepared.wanted)[0]
    assert (found.state, "(pid " in found.found, "set MANAGEMENT_PORT" in found.fix) == (BROKEN, True, True)


def test_a_port_of_the_release_s_metrics_that_is_taken_stops_nothing(prepared: Prepared) -> None:
    with socket.create_server(("127.0.0.1", int(prepared.environment["EXPORTER_PORT"]))):
        found = listening.findings(prepared.wanted)
    assert [finding.state for finding in found] == [OK, LOOK, OK]
    assert "set EXPORTER_PORT" in found[1].fix


def test_a_run_directory_that_is_too_deep_for_a_socket_is_broken(prepared: Prepared) -> None:
    deep = {**prepared.environment, "RUN_DIR": str(prepared.folder / ("deep" * 25))}
    wanted = Prepared(prepared.folder, deep).wanted
    found = listening.findings(wanted)[-1]
    assert (found.state, found.fix) == (BROKEN, "set RUN_DIR to a shorter one")


def test_java_and_envoy_start_and_say_their_versions() -> None:
    found = programs.findings()
    assert states(found) == {"Java": OK, "Envoy": OK}
    assert all(finding.found[0].isdigit() for finding in found)


def test_a_program_that_does_not_start_is_broken(tmp_path: Path) -> None:
    assert programs.starts("Java", [tmp_path / "java", "-version"]).state == BROKEN
    failing = [sys.executable, "-c", f"raise SystemExit({errno.ENOEXEC})"]
    found = programs.starts("Envoy", failing)
    assert (found.state, f"ends with {errno.ENOEXEC}" in found.found) == (BROKEN, True)
