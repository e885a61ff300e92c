"""A trained network → an ONNX graph that takes images as they are decoded."""

import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from handler.metadata import Preprocessing

OPSET = 17
INPUT = "images"
OUTPUTS = ("logits", "features")


class ServingGraph(nn.Module):
    """The network with normalisation in front of it and its last feature map beside its logits."""

    mean: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.body = network.get_submodule("features")
        self.pool = network.get_submodule("avgpool")
        self.classifier = network.get_submodule("classifier")
        self.register_buffer("mean", 255 * torch.tensor(preprocessing.mean).reshape(1, 3, 1, 1))
        self.register_buffer("scale", 1 / (255 * torch.tensor(preprocessing.std).reshape(1, 3, 1, 1)))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return float32 logits [batch, classes] and features [batch, channels, rows, columns].

        Args:
            images: uint8 [batch, crop, crop, 3], RGB, 0 to 255.
        """
        normalised = (images.permute(0, 3, 1, 2).float() - self.mean) * self.scale
        features: Tensor = self.body(normalised)
        logits: Tensor = self.classifier(self.pool(features).flatten(1))
        return logits, features


def export(network: nn.Module, preprocessing: Preprocessing, path: Path) -> None:
    """Write `network`, a torchvision MobileNetV3 in evaluation mode, to the ONNX file `path`."""
    side = preprocessing.crop
    example = torch.zeros(1, side, side, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        # The TorchScript exporter is deprecated, but the newer one turns the pooling into Gather, Reshape and
        # ReduceMean, which the quantizer leaves in float and ONNX Runtime runs slower.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            ServingGraph(network, preprocessing).eval(),
            (example,),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_axes={name: {0: "batch"} for name in (INPUT, *OUTPUTS)},
        )
    _unshare_constants(path)


def _unshare_constants(path: Path) -> None:
    """Give each layer its own constants: the exporter lets equal ones share, which hides biases from the quantizer."""
    model = onnx.load(path)
    constants = {constant.name: constant for constant in model.graph.initializer}
    shared = [node for node in model.graph.node if node.op_type == "Identity" and node.input[0] in constants]
    for node in shared:
        copy = model.graph.initializer.add()
        copy.CopyFrom(constants[node.input[0]])
        copy.name = node.output[0]
        model.graph.node.remove(node)
    onnx.save(model, path)
