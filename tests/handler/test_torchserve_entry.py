import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import ts
from ts.context import Context, RequestProcessor
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl

from handler import torchserve_entry
from handler.errors import ArchiveError, DigestError
from handler.prediction_log import PredictionLog
from handler.torchserve_entry import MobileNetHandler


def context(folder: Path, version: str = "2.0") -> Context:
    manifest = {"model": {"modelName": "mobilenet_v3", "modelVersion": version}}
    metrics = MetricsCacheYamlImpl(str(Path(ts.__file__).parent / "configs" / "metrics.yaml"))
    metrics.initialize_cache()
    return Context("mobilenet_v3", str(folder), manifest, 8, -1, "0.12.0", metrics=metrics)


def with_requests(context: Context, *headers: dict[str, Any]) -> Context:
    context.request_processor = [RequestProcessor(header) for header in headers]
    context.request_ids = {index: f"id-{index}" for index in range(len(headers))}
    return context


def test_the_module_defines_exactly_one_class_as_torchserve_demands() -> None:
    defined = [
        value
        for value in vars(torchserve_entry).values()
        if isinstance(value, type) and value.__module__ == torchserve_entry.__name__
    ]
    assert defined == [MobileNetHandler]
    assert not hasattr(torchserve_entry, "handle")


def test_each_row_gets_its_own_status_headers_and_body(
    int8_folder: Path, cell: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    handler = MobileNetHandler()
    ctx = context(int8_folder)
    handler.initialize(ctx)
    with_requests(ctx, {"X-Top-K": "1"}, {"body": {"content-type": "image/png"}})
    with caplog.at_level("INFO"):
        bodies = handler.handle([{"body": cell}, {"body": cell[:1000]}], ctx)
    assert all(isinstance(body, bytes) for body in bodies)
    assert len(json.loads(bodies[0])["predictions"]) == 1
    assert [ctx.get_response_status(index)[0] for index in (0, 1)] == [200, 400]
    arithmetic = handler.service.engine.arithmetic
    assert ctx.get_response_headers(1) == {
        "content-type": "application/json",
        "x-model-version": "2.0",
        "x-model-arithmetic": arithmetic,
    }
    batch_size = [line for line in caplog.messages if line.startswith("[METRICS]BatchSize")]
    assert len(batch_size) == 1
    assert "ModelVersion:2.0" in batch_size[0]
    assert f"Arithmetic:{arithmetic}" in batch_size[0]


def test_dropped_lines_are_counted_from_0_on(
    int8_folder: Path, cell: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDLER_PREDICTION_LOG", "on")
    monkeypatch.setenv("HANDLER_PREDICTION_LOG_FOLDER", str(tmp_path / "predictions"))
    monkeypatch.setattr(PredictionLog, "flush_at_end", lambda log: None)
    handler, ctx = MobileNetHandler(), context(int8_folder)
    with caplog.at_level("INFO"):
        handler.initialize(ctx)
        handler.handle([{"body": cell}], with_requests(ctx, {}))
        monkeypatch.setattr("handler.prediction_log._WAITING", 0)
        handler.handle([{"body": cell}, {"body": cell}], with_requests(ctx, {}, {}))
    assert handler.log is not None
    handler.log.close()
    name = "[METRICS]PredictionLinesDropped.Count:"
    values = [line.removeprefix(name).split("|")[0] for line in caplog.messages if line.startswith(name)]
    assert values == ["0", "2"]
    [path] = (tmp_path / "predictions").iterdir()
    assert [json.loads(line)["request_id"] for line in path.read_text().splitlines()] == ["id-0"]


def test_dropped_images_are_counted_from_0_on_and_the_others_kept(
    int8_folder: Path, cell: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"HARVEST": "on", "HARVEST_MARGIN": "1", "HARVEST_FOLDER": str(tmp_path / "harvest")}
    for key, value in settings.items():
        monkeypatch.setenv(f"HANDLER_{key}", value)
    handler, ctx = MobileNetHandler(), context(int8_folder)
    with caplog.at_level("INFO"):
        handler.initialize(ctx)
        handler.handle([{"body": cell}], with_requests(ctx, {}))
        monkeypatch.setattr("handler.harvest._WAITING", 0)
        handler.handle([{"body": cell}, {"body": cell}], with_requests(ctx, {}, {}))
    assert handler.harvest is not None
    handler.harvest.close()
    name = "[METRICS]HarvestDropped.Count:"
    values = [line.removeprefix(name).split("|")[0] for line in caplog.messages if line.startswith(name)]
    assert values == ["0", "2"]
    assert len(list((tmp_path / "harvest").rglob("*.png"))) == 1


def test_without_a_harvest_no_image_is_written(
    int8_folder: Path, cell: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDLER_HARVEST_MARGIN", "1")
    monkeypatch.setenv("HANDLER_HARVEST_FOLDER", str(tmp_path / "harvest"))
    handler, ctx = MobileNetHandler(), context(int8_folder)
    handler.initialize(ctx)
    handler.handle([{"body": cell}], with_requests(ctx, {}))
    assert handler.harvest is None
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_of_another_version_is_refused(int8_folder: Path) -> None:
    with pytest.raises(ArchiveError, match=r"manifest names mobilenet_v3 3\.0"):
        MobileNetHandler().initialize(context(int8_folder, version="3.0"))


def mismatches(lines: list[str]) -> list[str]:
    """Return the counter's values with their dimensions, as TorchServe's front end reads them."""
    name = "[METRICS]ArchiveDigestMismatches.Count:"
    return [line.removeprefix(name).split("|#type:")[0] for line in lines if line.startswith(name)]


@pytest.mark.parametrize(
    ("name", "word"), [("model_int8.onnx", b"logits"), ("handler/decode.py", b"JPEG"), ("model.json", b"functional")]
)
def test_a_changed_file_is_counted_under_the_manifests_version_and_then_refused(
    int8_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, word: bytes
) -> None:
    """The metrics file is TorchServe's own, which does not name the counter: the refusal is the same."""
    folder = shutil.copytree(int8_folder, tmp_path / "archive")
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content.replace(word, word.swapcase(), 1))
    with caplog.at_level("INFO"), pytest.raises(DigestError, match=f"{name} was changed"):
        MobileNetHandler().initialize(context(folder))
    dimensions = "|#ModelName:mobilenet_v3,ModelVersion:2.0,Level:Model"
    assert mismatches(caplog.messages) == [f"0{dimensions}", f"1{dimensions}"]


def test_an_archive_that_is_right_has_a_count_of_0(int8_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without it the first mismatch would be a new series, in which Prometheus sees no rise."""
    with caplog.at_level("INFO"):
        MobileNetHandler().initialize(context(int8_folder))
    assert [line.split("|")[0] for line in mismatches(caplog.messages)] == ["0"]


def test_another_refusal_is_no_digest_mismatch(
    int8_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = shutil.copytree(int8_folder, tmp_path / "archive")
    (folder / "model_int8.onnx").unlink()
    with caplog.at_level("INFO"), pytest.raises(ArchiveError, match="is missing"):
        MobileNetHandler().initialize(context(folder))
    assert [line.split("|")[0] for line in mismatches(caplog.messages)] == ["0"]
