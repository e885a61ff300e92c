"""Whether a model has the images that the ranges of int8 are taken from."""

from scripts import PYTHON
from scripts.errors import UserError
from scripts.pipeline.data.split import read_split
from scripts.pipeline.quantize import MIN_CALIBRATION_IMAGES
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Unlabelled


def require_enough(spec: Spec, count: int) -> None:
    """Raise UserError where so many images are too few for int8; it names what keeps them few.

    Args:
        spec: of the model.
        count: of the images that its `calibration` came to.
    """
    if count >= MIN_CALIBRATION_IMAGES:
        return
    needed = f"int8 needs at least {MIN_CALIBRATION_IMAGES} to take its ranges from"
    # Few photos without labels give many views.
    if not isinstance(spec.data, Unlabelled):
        train = list(read_split(spec.split_path).values()).count("train")
        if train < MIN_CALIBRATION_IMAGES:
            raise UserError(
                f"{spec.split_path}: the train part has only {train} images, and {needed}; add images, deal them out "
                f"(`{PYTHON} -m scripts.split_data --model {spec.folder.name}`) and train again"
            )
    where = f"{spec.folder / 'spec.yaml'}: `calibration.images`"
    raise UserError(f"{where} is {spec.calibration.images}, and {needed}; raise it")
