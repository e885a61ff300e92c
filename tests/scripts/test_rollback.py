"""What a rollback does without, because it must not take long."""

import subprocess
import sys


def test_a_rollback_imports_nothing_that_it_can_do_without() -> None:
    """With seconds to lose, and a machine that is busy: each of these takes a tenth of its time, or much more."""
    said = "import sys, scripts.rollback; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert {"requests", "rich", "numpy", "PIL", "torch", "duckdb", "onnx", "asyncio"} & {*done.stdout.split()} == set()
