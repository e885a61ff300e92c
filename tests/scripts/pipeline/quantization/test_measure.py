import time

import numpy as np

from scripts.pipeline.images import Labelled
from scripts.pipeline.quantization import calibration
from scripts.pipeline.quantization.measure import interleaved, measure
from scripts.pipeline.quantization.variants import Built, Material, Method


def answering(classes: list[int]):
    return lambda images: np.eye(2, dtype=np.float32)[classes[: len(images)]]


def test_accuracy_and_agreement_are_those_of_the_answers(material: Material) -> None:
    true = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    test = Labelled(np.zeros((8, 4, 4, 3), np.uint8), true, np.array([""] * 8))
    variants = {
        Method("float32", "R", lambda m: None): Built(material.graph, "float32", answering([0, 0, 1, 1, 1, 1, 1, 1])),
        Method("int8", "R", lambda m: None): Built(material.graph, "int8", answering([0, 0, 1, 1, 1, 1, 0, 0])),
    }
    reference, int8 = measure(variants, test, rounds=2)
    assert (reference.accuracy, reference.agreement) == (7 / 8, 1.0)
    assert (int8.accuracy, int8.agreement) == (5 / 8, 6 / 8)
    assert int8.bytes == material.graph.stat().st_size
    assert int8.cpu_ms[1].count == 2


def test_time_is_of_one_image_and_every_variant_has_its_turn_in_every_round() -> None:
    turns: list[str] = []

    def runner(name: str):
        def run(images: np.ndarray) -> np.ndarray:
            turns.append(name)
            time.sleep(0.002 * len(images))
            return np.zeros((len(images), 2), np.float32)

        return run

    found = interleaved([runner("a"), runner("b")], np.zeros((8, 1, 1, 3), np.uint8), rounds=3)
    order = [name for index, name in enumerate(turns) if index == 0 or turns[index - 1] != name]
    assert order == ["a", "b", "a", "b"]  # a b, b a, a b: neighbours of one name are one
    for times in found:
        for batch in (1, 8):
            assert len(times[batch]) == 3
            assert all(2 <= wall < 20 and cpu < wall for cpu, wall in times[batch])


def test_calibrations_are_judged_by_logits_on_images_that_were_held_out(
    material: Material, held_out: np.ndarray
) -> None:
    found = calibration.compare(material, held_out[:8])
    most = len(material.calibration)
    methods = [(trial.method, trial.images) for trial in found]
    assert methods[:3] == [("MinMax", most), ("Percentile", most), ("Entropy", most)]
    assert [images for _, images in methods[3:]] == [8, 25]
    assert all(trial.logits_db > 10 and trial.agreement > 0.7 for trial in found[:3])
    assert found[3].logits_db < calibration.best(found).logits_db
