"""`make report` on log files as they are written."""

import csv
import json
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handler.metadata import Metadata
from scripts import report
from scripts.errors import UserError
from scripts.pipeline.answers import Answers
from scripts.serving.places import REPOSITORY
from tests.scripts.reporting.written import LABELS, START, Traffic, answer, at, refused, request, write


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a run folder, of a server whose split is half and half and not sticky, without archives."""
    traffic = tmp_path / "traffic.yaml"
    traffic.write_text('split: {"1.0": 50, "2.0": 50}\n')
    monkeypatch.setenv("TRAFFIC", str(traffic))
    monkeypatch.setenv("RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("MODEL_STORE", str(tmp_path / "model_store"))
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def made(*folders: Path, **options: Any) -> dict[str, Any]:
    """Make a report and return its JSON."""
    out = folders[0] / "report"
    report.main(folders=list(folders), out=out, **options)
    found: dict[str, Any] = json.loads((out / "report.json").read_text())
    return found


def of(found: dict[str, Any], version: str, *, shadow: bool = False) -> dict[str, Any]:
    [one] = [each for each in found["versions"] if (each["version"], each["shadow"]) == (version, shadow)]
    return one


def labels(path: Path, *rows: str, head: str = "request_id,label") -> Path:
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def gate_confidence(archive: Path, graph: str) -> list[int]:
    """Return how sure the answers to the gate's images were, as an archive has it."""
    with zipfile.ZipFile(archive) as file:
        counts: list[int] = json.loads(file.read("model.json"))["gate"]["measured"][graph]["confidence"]
    assert sum(counts) == 654
    return counts


@pytest.fixture
def small(run: Path) -> Path:
    """Return a run of which everything can be counted by hand."""
    write(
        run / "access.log",
        [
            request("a", "1.0", 0, ms=10),
            request("b", "1.0", 1, ms=20),
            request("c", "1.0", 2, ms=30),
            request("d", "1.0", 3, ms=40, status=500),
            request("e", "2.0", 4, ms=50),
            request("f", "2.0", 5, ms=70, status=400),
            request("g", "2.0", 6, ms=60, status=0),
            request("h", None, 7, status=413),
            request("a", "3.0", 0, ms=15, shadow=True),
            request("b", "3.0", 1, ms=40, shadow=True),
            request("i", None, 8, method="GET", path="/"),
            request("j", "1.0", 9, ms=1000, path="/explanations/mobilenet_v3"),
            # Other models that the folder served before.
            request("k", "1.0", 10, ms=1000, path="/predictions/pets/1.0"),
            request("l", "1.0", 11, ms=1000, path="/predictions/mobilenet_v3_2"),
        ],
    )
    write(run / "predictions" / "pets-worker-1.jsonl", [answer("k", "1.0", "defective", probability=0.5)])
    write(
        run / "predictions" / "mobilenet_v3-worker-1.jsonl",
        [
            answer("a", "1.0", "functional", probability=0.95),
            answer("b", "1.0", "defective", probability=0.62),
            answer("c", "1.0", "functional", probability=1.0),
            answer("e", "2.0", "defective"),
            answer("e", "2.0", "functional", image="another"),
            refused("f", "2.0"),
            answer("a", "3.0", "functional", shadow=True),
            answer("b", "3.0", "functional", shadow=True),
        ],
    )
    return run


def test_a_folder_of_another_model_is_named_with_its_model_and_keeps_its_report(run: Path) -> None:
    write(run / "access.log", [request("a", "1.0", path="/predictions/pets/1.0")])
    write(run / "predictions" / "pets-worker-1.jsonl", [answer("a", "1.0")])
    with pytest.raises(UserError, match=r"run: its predictions are of pets, none of mobilenet_v3; .*MODEL="):
        made(run)
    assert not (run / "report").exists()


def test_every_version_has_its_figures(small: Path) -> None:
    found = made(small)
    one, two, shadow = of(found, "1.0"), of(found, "2.0"), of(found, "3.0", shadow=True)
    assert one["requests"] == 4
    assert one["statuses"] == {"200": 3, "500": 1}
    assert one["latency_ms"] == {"p50": 25, "p95": pytest.approx(38.5), "p99": pytest.approx(39.7)}
    assert one["classes"] == {"defective": 1, "functional": 2}
    assert [number for number, count in enumerate(one["confidence"]) if count] == [12, 19]
    assert one["confidence"][19] == 2
    # Who goes away before the answer has not seen an error.
    assert two["statuses"] == {"0": 1, "200": 1, "400": 1}
    assert (two["errors"]["count"], two["errors"]["of"]) == (1, 2)
    assert found["comparison"]["errors"]["candidate"] == {"bad": 1, "of": 2}
    assert two["refused"] == {"unreadable_image": 1}
    assert two["images"] == 3
    assert shadow["requests"] == 2
    assert found["edge"] == {"413": 1}
    assert (found["from"], found["to"]) == (START.isoformat(), "2026-11-26T04:40:07+00:00")


def test_a_shadow_is_held_against_the_version_whose_requests_it_got(small: Path) -> None:
    found = made(small, labels=labels(small / "labels.csv", "a,functional", "b,functional", "c,defective"))
    [pair] = found["mirrored"]
    assert (pair["version"], pair["shadow"], pair["requests"]) == ("1.0", "3.0", 2)
    assert pair["agreement"] == {"same": 1, "of": 2, "share": 0.5}
    assert pair["labelled"]["images"] == 2
    assert (pair["labelled"]["lost"], pair["labelled"]["won"], pair["labelled"]["mcnemar_p"]) == (0, 1, 1)
    assert pair["latency_ms"]["version_p50"] == 15
    assert pair["latency_ms"]["shadow_p50"] == 27.5
    assert of(found, "1.0")["accuracy"]["count"] == 1
    assert of(found, "1.0")["accuracy"]["of"] == 3
    assert of(found, "3.0", shadow=True)["accuracy"]["of"] == 2


def test_labels_by_image_name_one_image_of_several_in_a_request(small: Path) -> None:
    given = labels(small / "labels.csv", "another,defective", "image-e,defective", head="image,label")
    assert of(made(small, labels=given), "2.0")["accuracy"]["count"] == 1


def test_an_image_that_is_sent_often_counts_once_for_accuracy(run: Path) -> None:
    write(
        run / "predictions" / "mobilenet_v3-a.jsonl", [answer(str(number), "1.0", image="same") for number in range(50)]
    )
    found = made(run, labels=labels(run / "labels.csv", "same,functional", head="image,label"))
    assert of(found, "1.0")["accuracy"]["of"] == 1
    assert of(found, "1.0")["images"] == 50


@pytest.mark.parametrize(
    ("rows", "head", "sentence"),
    [
        (["nowhere,functional"], "request_id,label", 'line 2: request_id "nowhere" is in no prediction log'),
        (
            ["a,functional", "b,broken"],
            "request_id,label",
            'line 3: "broken" is no label; there are defective, functional',
        ),
        (
            ["a,functional", "a,defective"],
            "request_id,label",
            'line 3: request_id "a" is "defective" here and "functional"',
        ),
        (["e,functional"], "request_id,label", 'line 2: request "e" has several images'),
        (["a"], "request_id,label", "line 2: an id and a label"),
        (["a,functional"], "id,label", "its first line must be `request_id,label` or `image,label`"),
        (["no-such-digest,functional"], "image,label", 'image "no-such-digest" is in no prediction log'),
    ],
)
def test_a_label_that_does_not_fit_is_one_sentence_and_nothing_is_written(
    small: Path, rows: list[str], head: str, sentence: str
) -> None:
    given = labels(small / "labels.csv", *rows, head=head)
    with pytest.raises(UserError, match=re.escape(sentence)):
        made(small, labels=given)
    assert not (small / "report").exists()


def test_a_missing_label_file_or_one_that_is_no_text_is_one_sentence(small: Path) -> None:
    with pytest.raises(UserError, match=r"labels\.csv: can't be read"):
        made(small, labels=small / "labels.csv")
    (small / "labels.csv").write_bytes(b"request_id,label\n\xff\xfe,functional\n")
    with pytest.raises(UserError, match="no CSV in UTF-8"):
        made(small, labels=small / "labels.csv")


def test_malformed_lines_are_counted_and_named_and_the_rest_is_read(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (small / "predictions" / "mobilenet_v3-worker-1.jsonl").open("a") as file:
        file.write("no json\n[1]\n" + json.dumps(answer("z", "1.0", probability=7)) + "\n" + '{"time":"2026-11-26T04:')
    found = made(small)
    assert [(Path(each["path"]).name, each["lines"]) for each in found["malformed"]] == [
        ("mobilenet_v3-worker-1.jsonl", 4)
    ]
    assert "mobilenet_v3-worker-1.jsonl: 4 malformed lines, the first is line 9" in capsys.readouterr().out
    assert "4 malformed lines, the first is line 9" in (small / "report" / "report.html").read_text()
    assert of(found, "1.0")["images"] == 3


def test_rotated_files_are_read_and_others_are_not(run: Path) -> None:
    write(run / "access.log", [request("c", "1.0")])
    write(run / "access.log.1", [request("b", "1.0")])
    write(run / "access.log.bak", [request("a", "1.0")])
    write(run / "predictions" / "mobilenet_v3-w.jsonl", [answer("c", "1.0")])
    write(run / "predictions" / "mobilenet_v3-w.jsonl.1", [answer("b", "1.0")])
    write(run / "predictions" / "mobilenet_v3-w.jsonl.2", [answer("a", "1.0")])
    write(run / "predictions" / "notes.txt", [answer("d", "1.0")])
    found = of(made(run), "1.0")
    assert (found["requests"], found["images"]) == (2, 3)


def test_many_runs_are_one_report_and_a_run_that_is_named_twice_counts_once(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write(run / "access.log", [request("a", "1.0")])
    # A pod's edge and the pod that answered need not have one folder.
    write(other / "access.log", [request("b", "2.0")])
    write(other / "predictions" / "mobilenet_v3-w.jsonl", [answer("a", "1.0"), answer("b", "2.0")])
    found = made(run, other, run / ".." / "run")
    assert (of(found, "1.0")["requests"], of(found, "2.0")["requests"]) == (1, 1)
    assert of(found, "1.0")["images"] == 1


def test_an_empty_log_is_a_page_that_says_so(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(run / "access.log", [])
    write(run / "predictions" / "mobilenet_v3-w.jsonl", [])
    found = made(run)
    assert found["verdict"]["decision"] == "nothing to compare"
    assert "The logs hold no request that a version answered." in capsys.readouterr().out
    assert found["versions"] == []


def test_one_version_alone_has_figures_and_nothing_to_compare(run: Path) -> None:
    write(run / "access.log", [request("a", "1.0")])
    found = made(run)
    assert found["verdict"]["decision"] == "nothing to compare"
    assert "Only version 1.0 was met" in found["verdict"]["reasons"][0]
    assert of(found, "1.0")["requests"] == 1


def test_a_folder_without_logs_is_one_sentence(run: Path) -> None:
    with pytest.raises(UserError, match=r"run: neither predictions/mobilenet_v3-\*\.jsonl nor access\.log is there"):
        made(run)
    with pytest.raises(UserError, match=r"elsewhere: no such folder"):
        made(run / "elsewhere")


def test_a_version_that_is_in_no_log_is_one_sentence(small: Path) -> None:
    with pytest.raises(UserError, match=r'version "9\.0" is in no log; there are 1\.0, 2\.0, 3\.0'):
        made(small, version="9.0")
    with pytest.raises(UserError, match="can't be compared with itself"):
        made(small, version="1.0", baseline="1.0")


def test_the_baseline_has_most_weight_unless_another_is_named(small: Path) -> None:
    found = made(small)
    assert (found["baseline"], found["candidate"]) == ("1.0", "2.0")
    write(
        small / "history.jsonl",
        [{"time": at(-9), "before": {"1.0": 100}, "after": {"1.0": 10, "2.0": 90}, "reason": ""}],
    )
    found = made(small)
    assert (found["baseline"], found["candidate"]) == ("2.0", "1.0")
    found = made(small, version="3.0", baseline="1.0")
    assert (found["baseline"], found["candidate"]) == ("1.0", "3.0")


def test_only_what_the_split_drew_is_compared(run: Path) -> None:
    """Testers who name the version in the path choose their images, too."""
    write(
        run / "access.log",
        [request(str(number), "1.0" if number % 2 else "2.0", number) for number in range(200)]
        + [request(f"t{number}", "2.0", number, status=500, route="pinned") for number in range(200)],
    )
    write(run / "predictions" / "mobilenet_v3-w.jsonl", [answer(name, "2.0") for name in ("0", "2", "t0")])
    found = made(run, labels=labels(run / "labels.csv", "0,functional", "2,functional", "t0,functional"))
    assert found["comparison"]["wrong"]["candidate"] == {"bad": 0, "of": 2}
    assert found["comparison"]["errors"]["candidate"] == {"bad": 0, "of": 100}
    assert found["ratio"]["observed"] == {"1.0": 100, "2.0": 100}
    assert of(found, "2.0")["statuses"] == {"200": 100, "500": 200}


def test_times_in_which_one_version_had_no_weight_are_not_compared(run: Path) -> None:
    write(
        run / "history.jsonl",
        [{"time": at(100), "before": {"1.0": 100, "2.0": 0}, "after": {"1.0": 50, "2.0": 50}, "reason": "split"}],
    )
    lines = [request(f"early{number}", "1.0", number - 9900, status=500) for number in range(100)]
    lines += [request(str(number), "1.0" if number % 2 else "2.0", 100 + number) for number in range(200)]
    write(run / "access.log", lines)
    found = made(run)
    assert found["comparison"]["errors"]["baseline"] == {"bad": 0, "of": 100}
    # The rate is that of the requests that count, one a second, and not of all that is in the logs.
    verdict = found["verdict"]
    assert verdict["more_s"] == pytest.approx(verdict["more_requests"], rel=0.01)
    # Five seconds after the change the routes have settled.
    assert found["ratio"]["observed"] == {"1.0": 98, "2.0": 97}


def sticky(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = run.parent / "sticky.yaml"
    path.write_text('split: {"1.0": 50, "2.0": 50}\nsticky_header: x-user-id\n')
    monkeypatch.setenv("TRAFFIC", str(path))


def test_sticky_users_are_counted_and_not_their_requests(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with a thousand requests is one draw; who names no user is drawn each time."""
    access, answers = [], []
    for number in range(1200):
        user = "busy" if number < 1000 else None if number < 1100 else f"user-{number}"
        version = "2.0" if user == "busy" or number % 2 else "1.0"
        access.append(request(str(number), version, number))
        answers.append(answer(str(number), version, second=number, user=user))
    write(run / "access.log", access)
    write(run / "predictions" / "mobilenet_v3-w.jsonl", answers)
    assert made(run)["ratio"]["broken"]
    sticky(run, monkeypatch)
    found = made(run)["ratio"]
    assert found["unit"] == "users"
    assert found["observed"] == {"1.0": 100, "2.0": 101}
    assert not found["broken"]


def test_sticky_users_that_no_log_names_are_not_checked(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sticky(run, monkeypatch)
    write(run / "access.log", [request(str(number), "2.0", number) for number in range(1000)])
    found = made(run)["ratio"]
    assert not found["broken"]
    assert "no prediction log says whose the requests are" in found["unchecked"]


def test_weights_that_somebody_changed_without_a_command_are_not_held_against_the_split(run: Path) -> None:
    """Between the two changes the weights were other ones for a time, and nobody knows from when on."""
    changes = [
        ({"1.0": 90, "2.0": 10}, {"1.0": 80, "2.0": 20}, 0),
        ({"1.0": 50, "2.0": 50}, {"1.0": 100, "2.0": 0}, 1000),
    ]
    write(
        run / "history.jsonl",
        [
            {"time": at(second), "before": before, "after": after, "reason": "split"}
            for before, after, second in changes
        ],
    )
    write(run / "access.log", [request(str(number), "1.0" if number % 2 else "2.0", number) for number in range(1000)])
    found = made(run, version="2.0", baseline="1.0")
    assert not found["ratio"]["broken"]
    assert "no request was drawn by known weights" in found["ratio"]["unchecked"]


@pytest.mark.parametrize(
    ("traffic", "decision", "said"),
    [
        (Traffic(14_000), "promote", "Wrong answers: 2.0 has between "),
        (Traffic(12_000, right={"1.0": 0.9, "2.0": 0.84}), "roll back", "Wrong answers: "),
        (Traffic(3_000, failed={"1.0": 0.0, "2.0": 0.02}), "roll back", "Errors: "),
        (Traffic(2_000, ms={"1.0": 20.0, "2.0": 60.0}), "roll back", "Slow answers: "),
        (Traffic(2_500), "keep waiting", "more requests of both versions together"),
        (Traffic(3_000, share=0.42), "the split is broken", "no comparison below means anything"),
    ],
)
def test_the_verdict_is_the_one_that_the_logs_were_made_for(
    run: Path, capsys: pytest.CaptureFixture[str], traffic: Traffic, decision: str, said: str
) -> None:
    given = traffic.write(run)
    found = made(run, labels=given)
    assert found["verdict"]["decision"] == decision
    printed = capsys.readouterr().out
    assert printed.startswith(f"{decision.capitalize()}. ")
    assert said in printed


def test_mirrored_requests_alone_are_enough_for_a_verdict(run: Path) -> None:
    """A shadow that answers wrongly where the version is right: McNemar's pairs, looked at whenever one likes."""
    access, answers, rows = [], [], []
    for number in range(400):
        name = str(number)
        access += [request(name, "1.0", number), request(name, "3.0", number, shadow=True)]
        answers += [
            answer(name, "1.0", LABELS[0], number),
            answer(name, "3.0", LABELS[number % 8 == 0], number, shadow=True),
        ]
        rows.append(f"{name},{LABELS[0]}")
    write(run / "access.log", access)
    write(run / "predictions" / "mobilenet_v3-w.jsonl", answers)
    (run.parent / "traffic.yaml").write_text('split: {"1.0": 100}\n')
    found = made(run, labels=labels(run / "labels.csv", *rows))
    assert (found["baseline"], found["candidate"]) == ("1.0", "3.0")
    assert found["mirrored"][0]["labelled"]["lost"] == 50
    assert found["comparison"]["wrong"]["mirrored_pairs"] == 400
    assert found["comparison"]["wrong"]["difference"] == pytest.approx(0.125)
    assert found["verdict"]["decision"] == "roll back"


def test_where_every_request_fails_neither_version_is_worse(run: Path) -> None:
    write(run / "access.log", [request(str(n), "2.0" if n % 2 else "1.0", n, status=503) for n in range(2_000)])
    found = made(run)
    assert found["verdict"]["decision"] == "keep waiting"
    assert found["comparison"]["errors"]["state"] == "no worse"
    assert found["comparison"]["errors"]["outcomes_needed"] > 1_000


def test_an_id_that_callers_repeat_is_no_pair(run: Path) -> None:
    write(
        run / "access.log",
        [request("mine", "1.0", number) for number in range(60)]
        + [request("mine", "3.0", number, shadow=True, status=500) for number in range(60)],
    )
    found = made(run, version="3.0", baseline="1.0")
    assert found["mirrored"] == []
    assert found["comparison"]["errors"]["candidate"]["of"] == 0


def test_a_copy_that_never_reached_its_version_is_an_error_of_it(run: Path) -> None:
    lost = [request(f"r{number}", "2.0", number, shadow=True, status=503, ms=None) for number in range(3)]
    write(run / "access.log", [request(f"r{number}", "1.0", number) for number in range(3)] + lost)
    found = made(run)
    assert found["malformed"] == []
    assert of(found, "2.0", shadow=True)["errors"]["count"] == 3


def test_drift_is_held_against_the_archive_and_the_baseline(
    run: Path, int8_archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_STORE", str(int8_archive.parent.resolve()))
    write(
        run / "predictions" / "mobilenet_v3-w.jsonl",
        [answer(f"a{number}", "1.0", LABELS[number % 5 == 0]) for number in range(500)]
        + [answer(f"b{number}", "2.0", LABELS[number % 5 != 0], probability=0.55) for number in range(500)],
    )
    found = {(each["version"], each["of"], each["against"]): each for each in made(run)["drift"]}
    # The gate's test images: 521 called functional, 133 defective, by the confusion in model.json.
    assert found["1.0", "class mix", "the gate's test images"]["drift"] == "none"
    assert found["1.0", "class mix", "the gate's test images"]["index"] < 0.01
    assert found["2.0", "class mix", "the gate's test images"]["drift"] == "much"
    assert found["2.0", "class mix", "version 1.0"]["drift"] == "much"
    assert found["2.0", "confidence", "version 1.0"]["drift"] == "much"


def test_confidence_is_held_against_the_gates(
    run: Path, float32_archive: Path, int8_archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_STORE", str(int8_archive.parent.resolve()))
    gate = gate_confidence(float32_archive, "float32")
    as_in_the_gate = [(number + 0.5) / len(gate) for number, count in enumerate(gate) for _ in range(count)]
    write(
        run / "predictions" / "mobilenet_v3-w.jsonl",
        [answer(f"a{number}", "1.0", probability=each) for number, each in enumerate(as_in_the_gate)]
        + [answer(f"b{number}", "2.0", probability=0.55) for number in range(500)],
    )
    found = {(each["version"], each["of"], each["against"]): each for each in made(run)["drift"]}
    assert found["1.0", "confidence", "the gate's test images"]["index"] == 0
    assert found["2.0", "confidence", "the gate's test images"]["drift"] == "much"


def test_an_archive_whose_gate_kept_no_confidence_is_named(run: Path, float32_archive: Path) -> None:
    with zipfile.ZipFile(float32_archive) as file:
        described = Metadata.decode(file.read("model.json").decode())
    measured = {key: value for key, value in described.gate["measured"]["float32"].items() if key != "confidence"}
    earlier = described.model_copy(update={"gate": {**described.gate, "measured": {"float32": measured}}})
    (run.parent / "model_store").mkdir()
    with zipfile.ZipFile(run.parent / "model_store" / float32_archive.name, "w") as file:
        file.writestr("model.json", earlier.encode())
    write(run / "predictions" / "mobilenet_v3-w.jsonl", [answer(f"a{number}", "1.0") for number in range(60)])
    assert {each["of"] for each in made(run)["drift"]} == {"class mix"}
    assert "1.0: its archive is of an earlier release" in (run / "report" / "report.html").read_text()


def test_the_report_and_the_gate_put_a_probability_into_the_same_bin(run: Path) -> None:
    sure = [round(number / 200, 6) for number in range(201)]
    write(
        run / "predictions" / "mobilenet_v3-w.jsonl",
        [answer(f"a{n}", "1.0", probability=each) for n, each in enumerate(sure)],
    )
    answers = Answers(np.zeros(len(sure), dtype=int), np.array([[each, 1 - each] for each in sure]))
    assert of(made(run), "1.0")["confidence"] == list(answers.confidence_counts())


def test_labels_of_the_archive_are_known_though_no_image_was_given_one(
    run: Path, int8_archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(run / "predictions" / "mobilenet_v3-w.jsonl", [answer("a", "2.0", "functional")])
    given = labels(run / "labels.csv", "a,defective")
    with pytest.raises(UserError, match='"defective" is no label'):
        made(run, labels=given)
    monkeypatch.setenv("MODEL_STORE", str(int8_archive.parent.resolve()))
    assert of(made(run, labels=given), "2.0")["accuracy"]["count"] == 0


class Page(HTMLParser):
    """What a browser would fetch, and what is open."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href") and value:
                (self.references if value.startswith("#") else self.fetched).append(value.removeprefix("#"))
            if name == "id" and value:
                self.ids.append(value)
            for url in re.findall(r"url\(([^)]*)\)", value or ""):
                (self.references if url.startswith("#") else self.fetched).append(url.removeprefix("#"))


def test_the_page_needs_no_other_file_and_its_figures_have_the_colour_of_the_page(run: Path) -> None:
    made(run, labels=Traffic(600).write(run))
    text = (run / "report" / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.fetched == []
    assert "script" not in page.tags
    assert page.tags.count("svg") == 7
    # Seven figures in one document: no two parts with one id, and every reference leads somewhere.
    assert len(page.ids) == len(set(page.ids))
    assert set(page.references) <= set(page.ids)
    assert "#010203" not in text
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"<text(?![^>]*currentColor)", text)
    assert page.tags.count("caption") == page.tags.count("table")


def test_names_in_the_logs_are_text_and_not_markup(run: Path) -> None:
    name = '<img src=x onerror="1">$a'
    write(
        run / "predictions" / "mobilenet_v3-w.jsonl", [answer("a", "1.0") | {"label": name}, refused("b", "1.0", name)]
    )
    made(run)
    assert "<img" not in (run / "report" / "report.html").read_text()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"tolerated_wrong": 0.0}, "--tolerated-wrong 0"),
        ({"tolerated_errors": 120.0}, "--tolerated-errors 120"),
        ({"slow_ratio": 0.5}, "--slow-ratio 0.5"),
    ],
)
def test_a_tolerance_that_is_none_is_one_sentence(small: Path, options: dict[str, float], sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        made(small, **options)


def test_the_command_prints_a_sentence_and_a_status(small: Path) -> None:
    command = [sys.executable, "-m", "scripts.report", str(small), "--out", str(small / "out")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Keep waiting. ")
    assert (small / "out" / "report.html").is_file()
    (small / "labels.csv").write_text("request_id,label\nnowhere,functional\n")
    failed = subprocess.run(
        [*command, "--labels", str(small / "labels.csv"), "--out", str(small / "none")],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: ")
    assert failed.stderr.count("\n") == 1
    assert not (small / "none").exists()


def test_as_json_the_report_is_printed_as_it_is_written(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert made(small, as_json=True) == json.loads(capsys.readouterr().out)


def test_the_written_logs_have_the_keys_of_the_contract(run: Path) -> None:
    """So that these tests are about the files that servers write."""
    Traffic(5).write(run)
    [line, *_] = (run / "access.log").read_text().splitlines()
    template = (REPOSITORY / "deploy" / "edge" / "access_log.yaml.j2").read_text()
    [keys] = re.findall(r'"json_format": \{(.*)\}\}\}\}\]', template)
    role = (REPOSITORY / "deploy" / "edge" / "role.j2").read_text()
    [answered] = re.findall(r"set answered = \{(.*)\} %\}", role)
    assert set(json.loads(line)) == {*re.findall(r'"(\w+)": ', keys), *re.findall(r'"(\w+)": ', answered)}
    with (run / "labels.csv").open() as file:
        assert next(csv.reader(file)) == ["request_id", "label"]
