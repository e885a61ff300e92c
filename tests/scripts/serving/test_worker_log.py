"""The cause of a worker's end, from lines as TorchServe 0.12.0 writes them."""

from pathlib import Path

from scripts.serving.worker_log import Failures, cause


def lines(worker: str, *texts: str) -> list[str]:
    prefix = f"2026-11-22T17:05:17,702 [WARN ] W-9001-{worker}-stderr MODEL_LOG - "
    return [prefix + text for text in texts]


TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "ts/utils/util.py", line 14, in <module>',
    "    import yaml",
    "ModuleNotFoundError: No module named 'yaml'",
)


def test_the_last_line_of_a_traceback_is_the_cause() -> None:
    assert cause(lines("m_1.0", *TRACEBACK), "m_1.0") == "ModuleNotFoundError: No module named 'yaml'"


def test_another_versions_failure_is_not_this_ones() -> None:
    assert cause(lines("m_1.0", *TRACEBACK), "m_2.0") is None


def test_what_torchserve_raises_because_of_the_cause_is_not_the_cause() -> None:
    texts = ("handler.errors.ArchiveError: int8.onnx was changed.", "RuntimeError: 500 - Unknown exception")
    assert cause(lines("m_1.0", *texts), "m_1.0") == "handler.errors.ArchiveError: int8.onnx was changed"


def test_ordinary_lines_are_no_cause() -> None:
    texts = ("Torch worker started.", "model_name: m, batchSize: 8", "an Error: in a sentence")
    assert cause(lines("m_1.0", *texts), "m_1.0") is None


def test_a_failure_before_the_registration_does_not_count(tmp_path: Path) -> None:
    log = tmp_path / "model_log.log"
    log.write_text("\n".join(lines("m_1.0", *TRACEBACK)) + "\n")
    failures = Failures(log, "m", "1.0")
    assert failures.look() is None
    with log.open("a") as stream:
        stream.write("\n".join(lines("m_1.0", "MemoryError")) + "\n")
    assert failures.look() == "MemoryError"
