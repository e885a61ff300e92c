from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.errors import UserError
from scripts.pipeline.data.dealing import Usable, beside_test, deal, require_enough, require_in_every_part
from scripts.pipeline.data.listing import LeftOut
from scripts.pipeline.data.sample import PARTS, Part, Sample
from scripts.pipeline.data.split import SHARES, read_split, strata, write_split

LABELS = ("cat", "dog", "owl")
SEED = 5


def sample(name: str, target: tuple[float, ...], group: str = "") -> Sample:
    return Sample(name, target, group, lambda: b"")


def hard(label: int) -> tuple[float, ...]:
    return tuple(float(index == label) for index in range(len(LABELS)))


def usable(samples: list[Sample], parts: dict[str, Part] | None = None) -> Usable:
    return Usable(tuple(samples), (), parts or {}, 0)


targets = st.one_of(
    st.integers(0, 2).map(hard),
    st.sampled_from([(0.5, 0.25, 0.25), (0.1, 0.7, 0.2), (0.0, 1 / 3, 2 / 3)]),
)
others = st.lists(st.tuples(targets, st.sampled_from(["", "indoors", "outdoors"])), max_size=60)


@st.composite
def data_sets(draw: st.DrawFn) -> list[Sample]:
    """At least four images of each label, beside any number of any kind."""
    least = [(hard(label), "") for label in range(3) for _ in range(4)]
    kinds = draw(st.permutations(least + draw(others)))
    return [sample(f"{number}.png", *kind) for number, kind in enumerate(kinds)]


@given(data_sets(), st.integers(0, 99))
def test_every_image_has_one_part_and_every_label_is_in_each(samples, seed):
    parts = deal(usable(samples), {}, seed)
    assert parts.keys() == {one.name for one in samples}
    labels = defaultdict(set)
    for one in samples:
        labels[parts[one.name]].add(one.label)
    assert all(labels[part] == {0, 1, 2} for part in PARTS)


@given(data_sets(), st.integers(0, 99))
def test_shares_are_kept_but_for_the_rounding_of_each_stratum(samples, seed):
    parts = Counter(deal(usable(samples), {}, seed).values())
    count = len(set(strata(samples).values()))
    for part, share in SHARES.items():
        assert abs(parts[part] - share * len(samples)) <= count


@given(data_sets(), st.data())
@settings(max_examples=50)
def test_an_image_that_has_a_part_never_moves_and_the_others_get_one(samples, data):
    first = data.draw(st.fixed_dictionaries({one.name: st.sampled_from(PARTS) for one in samples[::3]}))
    parts = deal(usable(samples), first, SEED)
    assert {name: parts[name] for name in first} == first
    assert parts.keys() == {one.name for one in samples}


def test_an_image_that_is_gone_keeps_its_part_until_it_is_forgotten():
    samples = [sample(f"{number}.png", hard(0)) for number in range(8)]
    assert deal(usable(samples), {"gone.png": "test"}, SEED)["gone.png"] == "test"


def test_images_added_one_by_one_reach_every_part():
    samples = [sample(f"{number}.png", hard(number % 3)) for number in range(120)]
    parts = deal(usable(samples[:24]), {}, SEED)
    for count in range(25, 121):
        parts = deal(usable(samples[:count]), parts, SEED)
    assert Counter(parts.values()) == {"train": 75, "val": 15, "test": 30}


def test_many_kinds_with_an_image_each_are_divided_all_the_same():
    samples = [sample(f"{number}.png", hard(number % 3), group=f"camera {number}") for number in range(120)]
    assert Counter(deal(usable(samples), {}, SEED).values()) == {"train": 75, "val": 15, "test": 30}


def test_targets_that_are_all_different_are_divided_by_their_likeliest_label():
    samples = [sample(f"{number}.png", (0.6 + number / 1000, 0.4 - number / 1000, 0.0)) for number in range(40)]
    assert Counter(deal(usable(samples), {}, SEED).values()) == {"train": 25, "val": 5, "test": 10}


def test_four_images_of_a_label_are_two_one_and_one():
    parts = deal(usable([sample(f"{number}.png", hard(0)) for number in range(4)]), {}, SEED)
    assert Counter(parts.values()) == {"train": 2, "val": 1, "test": 1}


def test_a_part_for_every_image_is_taken_as_it_is():
    samples = [sample(f"{part}.png", hard(0)) for part in PARTS]
    given_parts: dict[str, Part] = {f"{part}.png": part for part in PARTS}
    assert deal(usable(samples, given_parts), {}, SEED) == given_parts


def test_beside_a_test_part_a_sixth_of_the_others_is_val_and_none_is_test():
    samples = [sample(f"{number}.png", hard(number % 3)) for number in range(66)]
    given_parts: dict[str, Part] = {f"{number}.png": "test" for number in range(30)}
    parts = deal(usable(samples, given_parts), {}, SEED)
    assert Counter(parts.values()) == {"test": 30, "train": 30, "val": 6}
    assert all(parts[name] == "test" for name in given_parts)


def test_data_that_names_another_part_than_an_image_has_is_refused():
    samples = [sample(f"{part}.png", hard(0)) for part in PARTS]
    given_parts: dict[str, Part] = {f"{part}.png": part for part in PARTS}
    with pytest.raises(UserError, match=r"val\.png is val in the data but train in the split, which never changes"):
        deal(usable(samples, given_parts), {"val.png": "train"}, SEED)


def test_a_part_without_an_image_is_named():
    with pytest.raises(UserError, match="no image is left for val"):
        deal(usable([sample("a.png", hard(0)), sample("b.png", hard(0))], {"a.png": "train", "b.png": "test"}), {}, 1)


def test_a_label_with_three_images_is_too_little_and_says_what_was_found():
    samples = [sample(f"{label}{number}", hard(label)) for label, count in ((0, 4), (1, 3)) for number in range(count)]
    left_out = (LeftOut("a.png", "empty"), LeftOut("b.png", "duplicate"), LeftOut("c.png", "empty"))
    with pytest.raises(UserError) as error:
        require_enough(Usable(tuple(samples), left_out, {}, 0), LABELS, "DATA=pets", Path("left_out.csv"))
    assert str(error.value) == (
        "DATA=pets: 'dog' has 3, 'owl' has 0 of 7 usable images (left out, in left_out.csv: 2 empty, 1 duplicate); "
        "every label needs 4, so add images or take the label out"
    )


def by_column(*rows: tuple[int, Part, int]) -> Usable:
    """Images of a table whose column `part` decides: label, part, how many."""
    named = {f"{label}-{part}-{n}": (label, part) for label, part, count in rows for n in range(count)}
    parts = {name: part for name, (_, part) in named.items()}
    if "val" not in parts.values():
        parts = {name: part for name, part in parts.items() if part == "test"}
    return usable([sample(name, hard(label)) for name, (label, _) in named.items()], parts)


WHOLE: tuple[tuple[int, Part, int], ...] = ((0, "train", 2), (0, "val", 1), (0, "test", 1))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((*WHOLE, (1, "train", 4), (1, "val", 1)), "'dog' has 0 in test and needs 1; give that part to more"),
        ((*WHOLE, (1, "train", 4), (1, "test", 1)), "'dog' has 0 in val and needs 1; give that part to more"),
        ((*WHOLE, (1, "train", 1), (1, "val", 1), (1, "test", 9)), "'dog' has 1 in train and needs 2; give that part"),
        (
            ((0, "train", 9), (0, "test", 1), (1, "train", 3), (1, "test", 9)),
            "'dog' has 0 in val and needs 1; name more of the label's images so in the column `part`",
        ),
    ],
)
def test_a_label_that_the_column_part_leaves_out_of_a_part_is_named(rows, message):
    found = by_column(*rows)
    with pytest.raises(UserError) as error:
        require_in_every_part(found, deal(found, {}, SEED), LABELS[:2], "DATA=pets.csv")
    assert str(error.value).startswith(f"DATA=pets.csv: of the usable images {message}")


def test_two_one_and_one_of_each_label_are_enough_also_where_val_is_dealt():
    for rows in (WHOLE, ((0, "train", 4), (0, "test", 1))):
        found = by_column(*rows, *((1, part, count) for _, part, count in rows))
        require_in_every_part(found, deal(found, {}, SEED), LABELS[:2], "DATA=pets.csv")


def test_images_that_are_gone_are_missed_in_their_part():
    samples = [sample(f"{number}.png", hard(0)) for number in range(3)]
    dealt: dict[str, Part] = {"0.png": "train", "1.png": "train", "2.png": "val", "gone.png": "test"}
    with pytest.raises(UserError, match="'cat' has 0 in test and needs 1; add images of the label or take it out"):
        require_in_every_part(usable(samples), deal(usable(samples), dealt, SEED), LABELS[:1], "models/pets")


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(st.dictionaries(names, st.sampled_from(PARTS)))
def test_a_split_with_any_names_is_read_as_it_was_written(tmp_path_factory, parts):
    path = tmp_path_factory.mktemp("split") / "split.csv"
    write_split(parts, path)
    assert read_split(path) == parts


def test_dealt_anew_beside_test_the_test_part_stays_and_the_others_move():
    found = usable([sample(f"{number}", hard(number % 3)) for number in range(120)])
    first = deal(found, {}, 1)
    anew = beside_test(found, first, 2)
    of_test = [{name for name, part in parts.items() if part == "test"} for parts in (first, anew)]
    assert of_test[0] == of_test[1]
    assert Counter(anew.values()) == Counter(first.values())
    assert anew != first
    assert beside_test(found, first, 2) == anew
