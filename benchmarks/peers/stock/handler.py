"""image_classifier with this model's preprocessing and number of classes, overridden as TorchServe's examples do."""

from PIL import Image
from torchvision import transforms
from ts.torch_handler.image_classifier import ImageClassifier


def _rgb(image: Image.Image) -> Image.Image:
    # The stock handler fails on the grey cells.
    return image.convert("RGB")


class SolarCellClassifier(ImageClassifier):
    """The stock handler."""

    topk = 2
    image_processing = transforms.Compose(
        [
            transforms.Lambda(_rgb),
            transforms.Resize(224),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
        ]
    )
