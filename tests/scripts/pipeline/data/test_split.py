from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.pipeline.data.sources import samples
from scripts.pipeline.data.split import divide, read_split
from scripts.pipeline.spec import Spec


def test_a_missing_split_is_named_with_the_command_that_makes_it_for_its_model(tmp_path):
    command = r"`\.venv/bin/python -m scripts\.split_data --model pets`"
    for path in (tmp_path / "pets" / "split.csv", tmp_path / "teacher" / ".." / "pets" / "split.csv"):
        with pytest.raises(UserError, match=rf"split\.csv: no such split; {command} makes it"):
            read_split(path)


@pytest.mark.parametrize("text", ["file,part\nimages/cell0001.png,training\n", "name,part\nimages/cell0001.png,val\n"])
def test_a_split_with_another_part_or_column_is_refused(tmp_path, text):
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(UserError, match="train, val or test"):
        read_split(tmp_path / "split.csv")


def test_an_image_that_does_not_exist_is_named(tmp_path):
    (tmp_path / "split.csv").write_text("file,part\nimages/cell9999.png,val\n")
    spec = Spec.load(Path("models/elpv")).model_copy(update={"folder": tmp_path})
    with pytest.raises(UserError, match=r"cell9999\.png is not in the data"):
        samples(spec, "val")


def test_each_stratum_is_divided_on_its_own():
    parts = divide({f"{kind}{number}": kind for kind in "ab" for number in range(16)}, seed=1)
    for kind in "ab":
        here = [part for name, part in parts.items() if name.startswith(kind)]
        assert (here.count("train"), here.count("val"), here.count("test")) == (10, 2, 4)
