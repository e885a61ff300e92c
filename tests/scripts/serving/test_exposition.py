"""Lines as TorchServe 0.12.0 and Envoy 1.40 write them."""

import math

from scripts.serving.exposition import Sample, parse


def test_comments_and_empty_lines_are_no_samples() -> None:
    assert parse("# HELP Images Torchserve prometheus counter metric\n# TYPE Images counter\n\n") == []


def test_a_sample_may_have_labels_or_none() -> None:
    page = 'Images{ModelVersion="1.0",Level="Model",} 3.0\nenvoy_server_live{} 1\nenvoy_server_uptime 12\n'
    assert parse(page) == [
        Sample("Images", {"ModelVersion": "1.0", "Level": "Model"}, 3.0),
        Sample("envoy_server_live", {}, 1.0),
        Sample("envoy_server_uptime", {}, 12.0),
    ]


def test_infinity_and_nan_are_numbers_and_a_time_may_follow() -> None:
    infinite, nothing = parse("up +Inf 1395066363000\nup NaN")
    assert math.isinf(infinite.value)
    assert math.isnan(nothing.value)


def test_escapes_in_a_label_are_undone() -> None:
    [sample] = parse(r'a{path="C:\\x",says="\"no\"\n",brace="}"} 1')
    assert sample.labels == {"path": "C:\\x", "says": '"no"\n', "brace": "}"}
