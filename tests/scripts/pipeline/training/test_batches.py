import torch

from scripts.pipeline.training.batches import Crops, batches, normalise
from scripts.pipeline.training.packed import Packed

from .conftest import PLAIN, PREPROCESSING, phase


def crops(packed, seed=3, **changes):
    return Crops(packed, phase("all", 1), PLAIN.model_copy(update=changes), seed)


def test_an_epoch_sees_every_image_once(images):
    numbered = Packed(images.train.images, torch.arange(8.0)[:, None], "")
    seen = torch.cat([batch.targets for batch in batches(crops(numbered), 3)])
    assert sorted(seen.flatten().tolist()) == list(range(8))


def test_a_last_batch_of_one_image_is_left_out(images):
    assert [len(batch.images) for batch in batches(crops(images.train), 7)] == [7]


def test_the_same_seed_gives_the_same_crops_and_another_seed_others(images):
    same = (crops(images.train)[5][0], crops(images.train)[5][0], crops(images.train, seed=4)[5][0])
    assert torch.equal(same[0], same[1])
    assert not torch.equal(same[0], same[2])


def test_crops_leave_the_generator_of_the_training_alone(images):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    crops(images.train)[0]
    assert torch.equal(torch.rand(1), expected)


def test_cells_are_turned_and_flipped_and_photos_only_mirrored():
    corner = torch.zeros(3, 64, 64, dtype=torch.uint8)
    corner[:, :16, :24] = 255
    packed = Packed(corner.expand(64, -1, -1, -1), torch.ones(64, 1), "")
    whole = phase("all", 1, scale=(1, 1))

    def seen(turns):
        augmentation = PLAIN.model_copy(update={"turns": turns, "brightness": 0, "contrast": 0})
        one_epoch = Crops(packed, whole, augmentation, 1)
        return {one_epoch[index][0].numpy().tobytes() for index in range(64)}

    assert [len(seen(turns)) for turns in ("none", "mirror", "dihedral")] == [1, 2, 8]


def test_light_differs_from_crop_to_crop(images):
    flat = Packed(torch.full((2, 3, 80, 80), 100, dtype=torch.uint8), torch.ones(2, 1), "")
    first, second = (crops(flat)[index][0] for index in (0, 1))
    assert first.float().mean() != second.float().mean()


def test_normalised_images_have_the_specs_mean_and_deviation():
    images = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 32, 32)
    assert normalise(images, PREPROCESSING)[:, 0, 0, 0].tolist() == [-2.0, 2.0]
