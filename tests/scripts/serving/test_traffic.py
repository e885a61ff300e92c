"""traffic.yaml: what is read, how it is rewritten, and the one sentence that each mistake gets."""

import re
from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.files import replace_file
from scripts.serving import traffic, traffic_file
from scripts.serving.places import REPOSITORY

SHIPPED = REPOSITORY / "traffic.yaml"


def written(folder: Path, text: str) -> Path:
    path = folder / "traffic.yaml"
    path.write_text(text)
    return path


def test_the_shipped_file_gives_90_to_the_float_version_and_10_to_the_int8_one() -> None:
    wanted = traffic.read(SHIPPED)
    assert (wanted.split, wanted.default) == ({"1.0": 90, "2.0": 10}, "1.0")
    assert wanted.edge == traffic.Edge()


def test_edge_address_overrides_the_file_and_nothing_else_of_it() -> None:
    wanted = traffic.read(SHIPPED)
    assert wanted.listening({}) == wanted.listening({"EDGE_ADDRESS": ""}) == wanted
    everywhere = wanted.listening({"EDGE_ADDRESS": "0.0.0.0"})
    assert everywhere.edge == traffic.Edge(address="0.0.0.0")
    assert everywhere.split == wanted.split


def test_an_edge_address_that_is_none_is_refused_with_the_variable() -> None:
    with pytest.raises(UserError, match=r"EDGE_ADDRESS=everywhere: use an IP address: 127\.0\.0\.1 for this machine"):
        traffic.read(SHIPPED).listening({"EDGE_ADDRESS": "everywhere"})


def test_a_shadow_that_has_no_weight_is_one_of_the_versions(tmp_path: Path) -> None:
    text = 'split: {"1.0": 100}\nshadow: {version: "2.0", percent: 5}\n'
    assert traffic.read(written(tmp_path, text)).versions == ["1.0", "2.0"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('split: {"1.0": 50, "2.0": 40}', "`split`: the weights add up to 90; make it 100"),
        ('split: {"1.0": 150, "2.0": -50}', '"2.0" has -50; weights are 0 to 100'),
        ("split: {1.0: 100}", 'the version 1.0 is read as a number; write it as a name, in quotes: "1.0"'),
        ('split: {"1.0": 100}\nshadow: {version: 2.0}', "the version 2.0 is read as a number"),
        ('split: {"1.0": 100}\nshadw: null', "unknown key `shadw`; did you mean `shadow`?"),
        ("sticky_header: null", "`split` is missing; add it."),
        ("split: {}", "`split`"),
        ('split: {"1.0": 99.5, "2.0": 0.5}', "`split.1.0`: Input should be a valid integer"),
        (
            'split: {"1.0": 100}\nedge: {max_memory_bytes: 64000000, max_body_bytes: 16000001}',
            "`edge`: `max_memory_bytes` (64000000) holds fewer than 4 bodies of `max_body_bytes` (16000001); "
            "make the first 64000004 or more, or lower the second",
        ),
        ('split: {"1.0": 100}\nedge: {max_memory_bytes: 1000000}', "`edge.max_memory_bytes`: Input should be greater"),
        ('split: {"1/0": 100}', "use letters, digits, `.`, `_` and `-` only"),
        ('split: {"1.0": 100}\nsticky_header: X User', "`sticky_header`: a header's name is lower-case"),
        ('split: {"1.0": 100}\nsticky_cookie: {name: "a b"}', "`sticky_cookie.name`: a cookie's name is"),
        ('split: {"1.0": 100}\nsticky_cookie: {ttl_s: 0}', "`sticky_cookie.ttl_s`: Input should be greater than"),
        ('split: {"1.0": 100}\nsticky_cookie: {ttl_s: 34560001}', "`sticky_cookie.ttl_s`: Input should be less than"),
        ('split: {"1.0": 100}\nsticky_cookie: {ttl: 60}', "unknown key `sticky_cookie.ttl`; did you mean `ttl_s`?"),
        ('split: {"1.0": 100}\nsticky_cookie: version_key', "`sticky_cookie` must hold keys and values"),
        ('split: {"1.0": 100}\nshadow: {version: "2.0", percent: 0}', "`shadow.percent`"),
        ('split: {"1.0": 100}\nedge: {prot: 80}', "unknown key `edge.prot`; did you mean `port`?"),
        ('split: {"1.0": 50, "1.0": 50}', "no valid YAML in line 1: found duplicate key"),
        ('split: {"1.0": 100}\nedge: {address: localhost}', "`edge.address`: use an IP address: 127.0.0.1"),
        ('split: {"1.0": 100}\nreplicas: []', "`replicas`: List should have at least 1 item"),
        ('split: {"1.0": 100}\nreplicas: 10.0.0.1', "`replicas`: Input should be a valid list"),
        ('split: {"1.0": 100}\nreplicas: [10.0.0.1]', "`replicas.0` must hold keys and values"),
        ('split: {"1.0": 100}\nreplicas: [{adress: 10.0.0.1}]', "`replicas.0.adress`; did you mean `address`?"),
        ('split: {"1.0": 100}\nreplicas: [{address: gpu-1}]', "`replicas.0.address`: use the IP address at which"),
        ('split: {"1.0": 100}\nreplicas: [{address: 0.0.0.0}]', "it stands for every network; use the IP address at"),
        ('split: {"1.0": 100}\nreplicas: [{address: 10.0.0.1, port: 0}]', "`replicas.0.port`: Input should be greater"),
        (
            'split: {"1.0": 100}\nreplicas: [{address: "::1", port: 80}, {address: "0:0::1", port: 80}]',
            "`replicas`: [::1]:80 is there twice; name each host once",
        ),
        ("split: [", "no valid YAML in line"),
        ("just words", "it must hold keys like `split:`"),
        ("", "it must hold keys like `split:`"),
    ],
)
def test_a_mistake_is_one_sentence_with_the_file_the_key_and_a_fix(tmp_path: Path, text: str, sentence: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UserError, match=re.escape(sentence)) as refused:
        traffic.read(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_named_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere: there is no such file; .* set TRAFFIC"):
        traffic.read(tmp_path / "nowhere")


def test_a_new_split_keeps_comments_and_order_and_gives_0_to_who_is_not_named(tmp_path: Path) -> None:
    path = written(tmp_path, SHIPPED.read_text())
    text = traffic_file.rewrite(path, split={"3.0": 20, "1.0": 80})
    assert list(traffic.parse(text, path).split.items()) == [("1.0", 80), ("2.0", 0), ("3.0", 20)]
    added = [line for line in text.splitlines() if line not in SHIPPED.read_text().splitlines()]
    assert added == ['  "1.0": 80', '  "2.0": 0', '  "3.0": 20']


def test_a_shadow_comes_and_goes_without_a_trace(tmp_path: Path) -> None:
    path = written(tmp_path, SHIPPED.read_text())
    path.write_text(traffic_file.rewrite(path, shadow={"version": "2.0", "percent": 5}))
    assert 'shadow: {version: "2.0", percent: 5}' in path.read_text()
    assert traffic_file.rewrite(path, shadow=None) == SHIPPED.read_text()


def test_writing_leaves_no_scratch_file(tmp_path: Path) -> None:
    path = written(tmp_path, "old")
    replace_file(path, "new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["traffic.yaml"]
    assert path.read_text() == "new"


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_version_that_goes_takes_its_own_line_and_nothing_else(tmp_path: Path, version: str) -> None:
    own = {"1.0": '  "1.0": 90    # the first', "2.0": '  "2.0": 10'}
    text = SHIPPED.read_text().replace('  "1.0": 90', "  # by itself\n" + own["1.0"])
    path = written(tmp_path, text)
    lines = text.splitlines()
    assert traffic_file.without(path, version).splitlines() == [line for line in lines if line != own[version]]


def test_a_version_that_goes_from_a_split_on_one_line_leaves_the_others(tmp_path: Path) -> None:
    path = written(tmp_path, '# who\nsplit: {"1.0": 100, "2.0": 0}  # percent\n# how\nsticky_header: null\n')
    left = '# who\nsplit: {"1.0": 100}            # percent\n# how\nsticky_header: null\n'
    assert traffic_file.without(path, "2.0") == left
    assert traffic_file.without(path, "3.0") == path.read_text()
