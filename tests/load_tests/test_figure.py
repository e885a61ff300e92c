from pathlib import Path

from load_tests import figure

HEAD = "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,95%,99%,Total Request Count\n"


def history(folder: Path) -> Path:
    path = folder / "history.csv"
    path.write_text(
        HEAD
        + "100,4,POST,version 1.0,9.0,0.0,N/A,N/A,N/A,0\n"
        + "100,4,,Aggregated,9.0,0.0,10,20,30,0\n"
        + "101,8,POST,version 1.0,12.0,0.0,11,21,31,12\n"
        + "101,8,POST,version 2.0,2.0,0.0,12,22,32,2\n"
        + "101,8,,Aggregated,14.0,0.0,11,21,31,14\n"
    )
    return path


def test_a_history_is_read_by_version_in_seconds_from_its_begin(tmp_path: Path) -> None:
    series, users = figure.read(history(tmp_path))
    assert users == [(0, 4), (1, 8)]
    assert series["version 1.0"].at_s == [1]
    assert series["version 2.0"].milliseconds == {"50%": [12.0], "95%": [22.0], "99%": [32.0]}


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "percentiles.png"
    figure.draw(history(tmp_path), picture, "steady")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_test_that_ended_before_its_first_answer_draws_an_empty_picture(tmp_path: Path) -> None:
    empty = tmp_path / "history.csv"
    empty.write_text(HEAD)
    figure.draw(empty, tmp_path / "percentiles.png", "steady")


def test_rates_are_answers_a_second_over_the_window() -> None:
    series = figure.Series(at_s=[0, 1, 2, 3, 4], answers=[0, 10, 20, 60, 100])
    assert series.rates() == [0.0, 10.0, 10.0, 20.0, 30.0]
