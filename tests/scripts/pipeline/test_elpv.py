from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from scripts.errors import UserError
from scripts.pipeline.elpv import PARTS, cells, part, read_split
from scripts.split_data import SEED, SHARES, as_csv, divide

SPLIT = Path("models/elpv/split.csv")


def test_every_cell_is_in_exactly_one_part():
    files = [cell.file for name in PARTS for cell in part(SPLIT, name)]
    assert sorted(files) == sorted(cell.file for cell in cells())


def test_each_part_has_its_share_of_every_cell_type_and_probability():
    everything = Counter((cell.kind, cell.probability) for cell in cells())
    for name in PARTS:
        here = Counter((cell.kind, cell.probability) for cell in part(SPLIT, name))
        for stratum, count in everything.items():
            assert abs(here[stratum] - SHARES[name] * count) <= 1.5


def test_the_committed_split_is_what_the_command_writes():
    assert SPLIT.read_text() == as_csv(divide(cells(), SEED))


def test_another_seed_gives_another_split():
    assert divide(cells(), SEED) != divide(cells(), SEED + 1)


def test_a_cell_is_defective_when_its_probability_is_above_one_half():
    assert {(round(cell.probability, 2), cell.label) for cell in cells()} == {(0, 0), (0.33, 0), (0.67, 1), (1, 1)}


def test_an_image_is_uint8_rgb_with_its_grey_value_three_times():
    image = cells()[0].image()
    assert image.shape == (300, 300, 3)
    assert image.dtype == np.uint8
    assert (image[..., 0] == image[..., 2]).all()


def test_a_missing_split_is_named_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.csv: no such split; .*scripts\.split_data"):
        part(tmp_path / "nothing.csv", "train")


@pytest.mark.parametrize("text", ["file,part\nimages/cell0001.png,training\n", "name,part\nimages/cell0001.png,val\n"])
def test_a_split_with_another_part_or_column_is_refused(tmp_path, text):
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(UserError, match="train, val or test"):
        read_split(tmp_path / "split.csv")


def test_a_cell_that_does_not_exist_is_named(tmp_path):
    (tmp_path / "split.csv").write_text("file,part\nimages/cell9999.png,val\n")
    with pytest.raises(UserError, match=r"cell9999\.png is no cell"):
        part(tmp_path / "split.csv", "val")
