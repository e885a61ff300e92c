"""The architecture, as torch-model-archiver's --model-file wants it: one class, built without arguments."""

from torchvision.models.mobilenetv3 import MobileNetV3, _mobilenet_v3_conf


class SolarCells(MobileNetV3):
    """MobileNetV3-Small with the two classes of the product's default model."""

    def __init__(self) -> None:
        """Build it; TorchServe loads the weights."""
        settings, last_channel = _mobilenet_v3_conf("mobilenet_v3_small")
        super().__init__(settings, last_channel, num_classes=2)
