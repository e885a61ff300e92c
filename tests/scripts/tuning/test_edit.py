from pathlib import Path

from scripts.serving import properties
from scripts.serving.places import REPOSITORY
from scripts.tuning import edit
from scripts.tuning.measure import apply
from scripts.tuning.search import Settings

SHIPPED = (REPOSITORY / "config.properties").read_text()


def test_the_server_reads_the_settings_that_were_written(tmp_path: Path) -> None:
    path = tmp_path / "config.properties"
    path.write_text(apply(SHIPPED, "2.0", Settings(workers=2, threads=1, batch=16, delay_ms=3)))
    config = properties.read(path, cores=2)
    written = config.version("mobilenet_v3", "2.0")
    assert (written.min_workers, written.max_workers, written.batch_size, written.max_batch_delay_ms) == (2, 2, 16, 3)
    assert config.handler.threads == 1


def test_other_versions_other_keys_and_comments_stay(tmp_path: Path) -> None:
    changed = apply(SHIPPED, "2.0", Settings(workers=2, threads=1, batch=16, delay_ms=3))
    before, after = (set(text.splitlines()) for text in (SHIPPED, changed))
    assert {line for line in before - after if not line.strip().startswith('"2.0"')} == set()
    path = tmp_path / "config.properties"
    path.write_text(SHIPPED)
    shipped = properties.read(path).version("mobilenet_v3", "1.0")
    path.write_text(changed)
    assert properties.read(path).version("mobilenet_v3", "1.0") == shipped


def test_the_shipped_value_written_again_changes_nothing() -> None:
    assert edit.with_settings(SHIPPED, "mobilenet_v3", {}) == SHIPPED
    assert edit.with_value(SHIPPED, "job_queue_size", "100") == SHIPPED


def test_a_key_that_is_not_there_is_added_at_the_end() -> None:
    assert edit.with_value("a=1\n", "b", "2") == "a=1\nb=2\n"


def test_a_file_without_models_gets_them() -> None:
    text = edit.with_settings("a=1\n", "m", {"1.0": {"batchSize": 4}})
    assert text == 'a=1\nmodels={\\\n  "m": {\\\n    "1.0": {"batchSize": 4}\\\n  }\\\n}\n'
