import numpy as np
import pytest

from scripts.pipeline.paired import Paired


def paired(both: int, only_model: int, only_reference: int, neither: int) -> Paired:
    images = both + only_model + only_reference + neither
    return Paired(images, lost=only_reference, won=only_model, same=both + neither)


def test_the_comparison_counts_image_by_image():
    true = np.array([0, 0, 1, 1, 2, 2])
    reference = np.array([0, 0, 1, 0, 0, 1])
    model = np.array([0, 1, 1, 1, 0, 0])
    found = Paired.of(reference, model, true)
    assert (found.images, found.lost, found.won, found.same) == (6, 1, 1, 3)
    assert found.drop == 0
    assert found.agreement.share == 0.5


# Airway hyper-responsiveness (Bentur et al. 2009) and complete response (Cavo et al. 2012), as worked in Fagerland,
# Lydersen and Laake, Statistical Analysis of Contingency Tables (2017), chapter 8, and printed by its R package.
@pytest.mark.parametrize(
    ("table", "difference", "interval", "p"),
    [
        ((1, 7, 1, 12), -0.286, (-0.517, -0.026), 0.0703),
        ((59, 16, 6, 80), -0.0621, (-0.1240, -0.0054), 0.052479),
    ],
)
def test_published_tables_give_the_published_interval_and_p_value(table, difference, interval, p):
    found = paired(*table)
    assert found.drop == pytest.approx(difference, abs=5e-4)
    assert found.drop_95 == pytest.approx(interval, abs=5e-4)
    assert found.mcnemar_p == pytest.approx(p, abs=5e-5)


def test_the_roles_exchanged_mirror_the_interval_and_keep_the_p_value():
    one, other = paired(500, 3, 9, 88), paired(500, 9, 3, 88)
    assert one.drop_95 == pytest.approx([-bound for bound in reversed(other.drop_95)])
    assert one.mcnemar_p == other.mcnemar_p


def test_without_a_difference_nothing_is_proved_beyond_what_the_images_can_tell():
    """With no discordant pair the interval ends at z² / (n + z²)."""
    assert paired(15, 0, 0, 5).drop_95 == pytest.approx((-0.1611, 0.1611), abs=1e-4)
    assert paired(550, 0, 0, 104).drop_95 == pytest.approx((-0.00584, 0.00584), abs=1e-5)
    assert paired(550, 0, 0, 104).mcnemar_p == 1


@pytest.mark.parametrize("table", [(0, 0, 10, 0), (0, 10, 0, 0), (1, 0, 0, 0), (0, 0, 1, 0), (0, 1, 1, 0)])
def test_the_interval_holds_the_drop_and_stays_in_range_at_its_ends(table):
    found = paired(*table)
    low, high = found.drop_95
    assert -1 <= low <= found.drop <= high <= 1


@pytest.mark.parametrize("images", [1, 15, 29, 30, 41, 58])
def test_a_model_that_is_wrong_wherever_the_reference_is_right_has_an_interval_too(images):
    """Where rounding makes a square root's argument negative, for some numbers of images."""
    low, high = paired(0, 0, images, 0).drop_95
    assert low < high == 1


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Small test parts and rare discordance, where intervals are worst."""
    generator = np.random.default_rng(0)
    for images, lost, won in ((30, 0.1, 0.05), (200, 0.03, 0.01), (650, 0.005, 0.005)):
        tables = generator.multinomial(images, (lost, won, 1 - lost - won), 1500)
        intervals = [Paired(images, int(a), int(b), images - int(a) - int(b)).drop_95 for a, b, _ in tables]
        covered = np.mean([low <= lost - won <= high for low, high in intervals])
        assert covered > 0.93
