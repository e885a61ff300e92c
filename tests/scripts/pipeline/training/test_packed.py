import functools
import io

import numpy as np
import pytest
from PIL import Image

from scripts.errors import UserError
from scripts.pipeline.data.sample import Sample
from scripts.pipeline.training.packed import pack

from .conftest import PREPROCESSING


def sample(value, target=(1.0, 0.0)):
    return Sample(str(value), target, "", functools.partial(_png, value))


def _png(value):
    file = io.BytesIO()
    Image.fromarray(np.full((70, 90, 3), value, np.uint8)).save(file, "png")
    return file.getvalue()


def count(seen):
    def track(samples):
        for each in samples:
            seen.append(each.name)
            yield each

    return track


def test_images_are_decoded_once_and_kept(tmp_path):
    path, decoded = tmp_path / "train.npy", []
    samples = [sample(10), sample(200, (0.25, 0.75))]
    for _ in range(2):
        packed = pack(samples, PREPROCESSING, path, count(decoded))
        assert packed.images.shape == (2, 3, 64, 64)
        assert packed.images[:, 0, 0, 0].tolist() == [10, 200]
        assert packed.targets.tolist() == [[1, 0], [0.25, 0.75]]
        assert packed.labels.tolist() == [0, 1]
    assert decoded == ["10", "200"]


def test_a_changed_image_is_decoded_anew(tmp_path):
    path, decoded = tmp_path / "train.npy", []
    pack([sample(10)], PREPROCESSING, path, count(decoded))
    assert pack([sample(11)], PREPROCESSING, path, count(decoded)).images[0, 0, 0, 0] == 11


def test_an_image_that_was_damaged_since_the_split_is_named(tmp_path):
    damaged = Sample("cat/7.png", (1.0, 0.0), "", lambda: _png(10)[:40])
    with pytest.raises(UserError, match=r"cat/7\.png: .*; it was well when the split was made: put it back"):
        pack([damaged], PREPROCESSING, tmp_path / "train.npy", count([]))


def test_a_run_that_was_killed_while_decoding_begins_anew(tmp_path):
    path = tmp_path / "train.npy"

    def killed(samples):
        yield samples[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack([sample(10), sample(20)], PREPROCESSING, path, killed)
    assert pack([sample(10), sample(20)], PREPROCESSING, path, count([])).images[:, 0, 0, 0].tolist() == [10, 20]
