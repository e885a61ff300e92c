import unicodedata
from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.pipeline.data import table
from tests.scripts.pipeline.data.pictures import encoded

HARD = ("cat", "dog")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(["a.png", "b.png", "c, d.png", "e\nf.png", "ж.png"]):
        (tmp_path / name).write_bytes(encoded(number))
    return tmp_path


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "pets.csv").write_text(text, encoding=encoding, newline="")
    return folder / "pets.csv"


def test_a_label_for_each_path(folder):
    path = written(folder, 'path,label\nb.png,dog\na.png,cat\n"c, d.png",dog\n"e\nf.png",cat\nж.png,dog\n')
    assert table.labels(path) == HARD
    found = {sample.name: sample.target for sample in table.listing(path, HARD).samples}
    dog, cat = (0.0, 1.0), (1.0, 0.0)
    assert found == {"a.png": cat, "b.png": dog, "c, d.png": dog, "e\nf.png": cat, "ж.png": dog}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_as_any_spreadsheet_writes_it(folder, encoding, line):
    path = written(folder, line.join(["path, label", "a.png, кот", "", "b.png,🐕", ""]), encoding)
    assert table.labels(path) == ("кот", "🐕")
    assert len(table.listing(path, ("кот", "🐕")).samples) == 2


def test_the_target_follows_the_specs_order(folder):
    path = written(folder, "path,label\na.png,cat\nb.png,dog\n")
    assert [sample.label for sample in table.listing(path, ("dog", "cat")).samples] == [1, 0]


def test_soft_labels_are_normalised_and_their_columns_name_the_labels(folder):
    path = written(folder, "path,owl,cat,group\na.png,0.33,0.66,indoors\nb.png,1,0,outdoors\n")
    assert table.labels(path) == ("owl", "cat")
    first, second = table.listing(path, ("owl", "cat")).samples
    assert first.target == pytest.approx((1 / 3, 2 / 3))
    assert (first.group, second.group) == ("indoors", "outdoors")
    assert second.target == (1, 0)


def test_an_absolute_path_and_one_in_another_spelling_are_found(folder, tmp_path):
    (folder / unicodedata.normalize("NFD", "é.png")).write_bytes(b"decomposed")
    composed = unicodedata.normalize("NFC", "é.png")
    path = written(folder, f"path,label\n{folder / 'a.png'},cat\n{composed},dog\n")
    found = {sample.name: sample for sample in table.listing(path, HARD).samples}
    assert found[str(folder / "a.png")].read() == encoded(0)
    assert found[composed].read() == b"decomposed"


def test_a_file_that_is_not_there_is_left_out(folder):
    path = written(folder, "path,label\na.png,cat\ngone.png,dog\n")
    found = table.listing(path, HARD)
    assert [sample.name for sample in found.samples] == ["a.png"]
    assert [(one.file, one.sentence) for one in found.left_out] == [("gone.png", "no such file: line 3")]


def test_a_row_said_twice_counts_once_and_a_contradiction_not_at_all(folder):
    path = written(folder, "path,label\na.png,cat\na.png,cat\nb.png,cat\nb.png,dog\n")
    found = table.listing(path, HARD)
    assert [sample.name for sample in found.samples] == ["a.png"]
    assert {one.file: one.sentence for one in found.left_out} == {
        "a.png": "named twice: lines 2 and 3",
        "b.png": "contradiction: lines 4 and 5 say different things of it",
    }


def test_a_part_for_each_row_is_the_split(folder):
    path = written(folder, "path,label,part\na.png,cat,train\nb.png,dog,val\nж.png,dog,test\n")
    assert table.listing(path, HARD).parts == {"a.png": "train", "b.png": "val", "ж.png": "test"}


def test_without_val_only_the_test_part_is_decided(folder):
    path = written(folder, "path,label,part\na.png,cat,train\nb.png,dog,train\nж.png,dog,test\n")
    assert table.listing(path, HARD).parts == {"ж.png": "test"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: no column `path`"),
        ("path,label\n", "has a header but no row"),
        ("a.png,cat\nb.png,dog\n", "line 1: no column `path`; the first line names the columns"),
        ("path;label\na.png;cat\n", "line 1: separated by ';'; save the table as CSV with commas"),
        ('"path";"label"\n"a.png";"cat"\n', "line 1: separated by ';'; save the table as CSV with commas"),
        ('path;"cat, grey";dog\na.png;1;0\n', "line 1: separated by ';'; save the table as CSV with commas"),
        ('"path\tlabel"\r\n"a.png\tcat"\r\n', "line 1: separated by '\\\\t'; save the table as CSV with commas"),
        ("path,label,label\na.png,cat,cat\n", "line 1: two columns 'label'"),
        ("path,label,\na.png,cat,\n", "line 1: column 3 has no name"),
        ("path,label,gruop\na.png,cat,x\n", "line 1: unknown column 'gruop'; did you mean `group`?"),
        ("path,cat\na.png,1\n", "line 1: neither a column `label` nor a column for each"),
        ("path,label\na.png,cat\nb.png\n", "line 3: 1 values for 2 columns"),
        ("path,label\na.png,cat\nc, d.png,dog\n", "line 3: 3 values for 2 columns; .*in double quotes"),
        ('path,label\n"e\nf.png",cat\nb.png,\n', "line 4: no label"),
        ("path,label\n ,cat\n", "line 2: no path"),
        ('path,label\na.png,"cat"s\n', "line 2: not CSV"),
        ("path,label,part\na.png,cat,valid\n", "line 2: part is train, val or test, not 'valid'"),
        ("path,label,part\na.png,cat,train\nb.png,dog,val\n", "its column `part` has no test"),
        ("path,cat,dog\na.png,1,0\nb.png,0.9,0.4\n", "line 3: its probabilities sum to 1.3; make that 1"),
        ("path,cat,dog\na.png,30,70\n", "line 2: its probabilities sum to 100"),
        ("path,cat,dog\na.png,0,0\n", "line 2: its probabilities sum to 0"),
        ("path,cat,dog\na.png,1.5,-0.5\n", "line 2: 'dog' is '-0.5'; a probability is 0 to 1"),
        ("path,cat,dog\na.png,nan,1\n", "line 2: 'cat' is 'nan'"),
        ("path,cat,dog\na.png,,1\n", "line 2: 'cat' is ''; write a probability"),
        ("path,label\na.png,cat\nb.png,owl\n", "line 3: the label 'owl' is not among the spec's `labels`"),
    ],
)
def test_a_fault_is_named_with_the_file_and_the_line(folder, text, message):
    with pytest.raises(UserError, match=rf"pets\.csv.*{message.replace('?', chr(92) + '?')}"):
        table.listing(written(folder, text), HARD)


def test_a_label_may_hold_what_separates_other_tables(folder):
    path = written(folder, '"a;b\nc",path,"x|y"\n1,a.png,0\n')
    assert table.labels(path) == ("a;b\nc", "x|y")


def test_a_soft_table_without_one_of_the_specs_labels_is_refused(folder):
    path = written(folder, "path,cat,dog\na.png,1,0\n")
    with pytest.raises(UserError, match=r"no column for the spec's label 'owl'; add it"):
        table.listing(path, ("cat", "dog", "owl"))


def test_one_label_is_not_enough(folder):
    with pytest.raises(UserError, match=r"its only label is 'cat'"):
        table.labels(written(folder, "path,label\na.png,cat\nb.png,cat\n"))


def test_another_encoding_is_named_with_its_line(folder):
    with pytest.raises(UserError, match=r"pets\.csv, line 3: not UTF-8; save the table as CSV in UTF-8"):
        table.labels(written(folder, "path,label\na.png,cat\nb.png,mäuse\n", "latin-1"))


def test_a_missing_table_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"pets\.csv: can't be read \(No such file"):
        table.listing(tmp_path / "pets.csv", HARD)
