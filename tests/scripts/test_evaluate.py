import io
import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handler.engine import Engine
from scripts import evaluate
from scripts.errors import UserError
from scripts.pipeline import served
from scripts.pipeline.answers import Answers
from scripts.pipeline.data.sample import Sample
from scripts.pipeline.data.sources import samples
from scripts.pipeline.images import read
from scripts.pipeline.spec import Spec

SPEC = Spec.load(Path("models/elpv"))


@pytest.fixture(scope="module")
def cells():
    return samples(SPEC, "val")[::8]


@pytest.fixture(scope="module")
def checkpoint(cells):
    return evaluate.by_checkpoint(SPEC, None, cells)


def test_the_committed_checkpoint_is_better_than_always_answering_functional(cells, checkpoint):
    measured = evaluate.measure(checkpoint, cells, SPEC.labels)
    assert measured.metrics.accuracy.share > measured.metrics.recall["functional"].of / len(cells)
    assert measured.groups.keys() == {"mono", "poly"}


def test_the_float32_archive_answers_what_its_checkpoint_does(cells, checkpoint, float32_archive):
    found = served.by_archive(float32_archive, cells, SPEC.labels, "auto")
    assert (found.version, found.arithmetic) == ("1.0", "fp32")
    np.testing.assert_allclose(found.answers.probabilities, checkpoint.answers.probabilities, rtol=0, atol=1e-3)


def test_an_archive_answers_by_its_own_code_what_its_graph_says(cells, int8_archive, int8_folder):
    found = served.by_archive(int8_archive, cells, SPEC.labels, "fp32")
    engine = Engine.load(int8_folder / "model_int8_weights.onnx", "fp32", threads=1)
    images = np.stack([read(cell, SPEC.preprocessing) for cell in cells])
    expected = Answers.of_logits(engine.logits(images))
    assert found.arithmetic == "fp32"
    np.testing.assert_allclose(found.answers.probabilities, expected.probabilities, rtol=0, atol=1e-5)


def test_an_archive_of_other_labels_is_refused(cells, int8_archive):
    with pytest.raises(UserError, match=r"names .*; the spec's labels are cat, dog: is it another model"):
        served.by_archive(int8_archive, cells[:1], ["cat", "dog"], "fp32")


def test_a_missing_archive_is_named_with_the_command_that_builds_it_for_its_model(tmp_path, monkeypatch):
    monkeypatch.setenv("MODEL_STORE", str(tmp_path))
    with pytest.raises(UserError, match=r"9\.0\.mar: no such archive; build it with `make archive MODEL=elpv_teacher "):
        evaluate.main(model="elpv_teacher", version="9.0")


def test_an_image_larger_than_a_server_takes_is_measured_all_the_same(int8_archive):
    large = io.BytesIO()
    Image.new("L", (6000, 4500)).save(large, "png")
    cell = Sample("large.png", (1.0, 0.0), "", large.getvalue)
    assert len(served.by_archive(int8_archive, [cell], SPEC.labels, "fp32").answers.classes) == 1


def test_a_server_that_does_not_answer_is_named(cells):
    with pytest.raises(UserError, match=r"http://127\.0\.0\.1:9/ does not answer"):
        served.by_server("http://127.0.0.1:9/", cells[:1], SPEC.labels)


@pytest.fixture(params=[b"<html>welcome</html>", b"[1]"])
def no_model(request) -> Iterator[str]:
    """A server that answers 200, but no JSON object."""

    class Welcome(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", str(len(request.param)))
            self.end_headers()
            self.wfile.write(request.param)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Welcome) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_an_answer_that_is_no_json_object_is_named_with_its_url(cells, no_model):
    with pytest.raises(UserError, match=rf"{no_model} answered '.*', not a JSON object; is it the URL of a model\?"):
        served.by_server(no_model, cells[:1], SPEC.labels)


def test_make_passes_both_things_to_evaluate_on_where_both_are_named():
    done = subprocess.run(
        ["make", "-n", "evaluate", "URL=http://127.0.0.1:9/", "VERSION=2.0"], capture_output=True, text=True, check=True
    )
    assert '--url "$URL" --version "$VERSION"' in done.stdout


def test_two_things_to_evaluate_are_one_too_many():
    with pytest.raises(UserError, match="give one of them"):
        evaluate.main(version="1.0", url="http://127.0.0.1:9/")


def test_the_object_says_what_was_evaluated_and_how_good_it_is(cells, monkeypatch, capsys):
    monkeypatch.setattr(evaluate, "samples", lambda _spec, _part: cells)
    evaluate.main(as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["model"], said["part"], said["version"]) == ("mobilenet_v3", "test", None)
    assert said["of"] == str(SPEC.checkpoint_path)
    assert said["images"] == len(cells)
    assert said["accuracy_95"][0] < said["accuracy"] < said["accuracy_95"][1]
    evaluate.main()
    text = capsys.readouterr().out
    assert "recall defective" in text
    assert " called functional, " in text
