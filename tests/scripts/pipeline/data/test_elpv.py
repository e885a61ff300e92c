from collections import Counter
from pathlib import Path

from scripts.pipeline.data.elpv import cells
from scripts.pipeline.data.sample import PARTS
from scripts.pipeline.data.sources import every_sample, samples
from scripts.pipeline.data.split import SEED, SHARES, divide, strata, write_split
from scripts.pipeline.images import decode
from scripts.pipeline.spec import Spec

SPEC = Spec.load(Path("models/elpv"))


def test_every_cell_is_in_exactly_one_part():
    names = [sample.name for part in PARTS for sample in samples(SPEC, part)]
    assert sorted(names) == sorted(cell.file for cell in cells())


def test_each_part_has_its_share_of_every_cell_type_and_probability():
    everything = Counter((sample.group, sample.target) for sample in every_sample(SPEC))
    for part in PARTS:
        here = Counter((sample.group, sample.target) for sample in samples(SPEC, part))
        for stratum, count in everything.items():
            assert abs(here[stratum] - SHARES[part] * count) <= 1.5


def test_the_committed_split_is_what_the_command_writes(tmp_path):
    write_split(divide(strata(every_sample(SPEC)), SEED), tmp_path / "split.csv")
    assert SPEC.split_path.read_text() == (tmp_path / "split.csv").read_text()


def test_another_seed_gives_another_split():
    by_stratum = strata(every_sample(SPEC))
    assert divide(by_stratum, SEED) != divide(by_stratum, SEED + 1)


def test_a_cell_is_defective_when_its_probability_is_above_one_half():
    seen = {(round(cell.probability, 2), cell.sample().label) for cell in cells()}
    assert seen == {(0, 0), (0.33, 0), (0.67, 1), (1, 1)}


def test_a_cell_is_rgb_with_its_grey_value_three_times():
    image = decode(cells()[0].sample())
    assert image.shape == (300, 300, 3)
    assert (image[..., 0] == image[..., 2]).all()
