"""A trained network → an ONNX graph that takes images as they are decoded."""

import math
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn
from torch.jit._trace import TracerWarning

from handler.metadata import Preprocessing
from scripts.pipeline.layers import require_side
from scripts.pipeline.network import torchvision_models

OPSET = 17
INPUT = "images"
OUTPUTS = ("logits", "features")
_MAP_RANK = 4


class ServingGraph(nn.Module):
    """A torchvision classifier with normalisation in front of it and its last feature map beside its logits."""

    mean: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", 255 * torch.tensor(preprocessing.mean).reshape(1, 3, 1, 1))
        self.register_buffer("scale", 1 / (255 * torch.tensor(preprocessing.std).reshape(1, 3, 1, 1)))
        self.map_name = last_map(network, preprocessing.crop)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return float32 logits [batch, classes] and features [batch, channels, rows, columns].

        Args:
            images: uint8 [batch, 3, crop, crop], RGB, 0 to 255.
        """
        normalised = (images.float() - self.mean) * self.scale
        maps: list[Tensor] = []
        layer = self.network.get_submodule(self.map_name)
        # By a hook: families of networks pool in ways of their own, some of them in no module.
        hook = layer.register_forward_hook(lambda _layer, _inputs, output: maps.append(output))
        logits: Tensor = self.network(normalised)
        hook.remove()
        return logits, _as_map(maps[-1])


@torch.inference_mode()
def last_map(network: nn.Module, side: int) -> str:
    """Return the name of the module that gives the last feature map before the network pools it.

    That is the last to give channels, rows and columns, more than one of them. A vision transformer gives no map
    after its patches, and nothing but the class token counts after its last attention: its map is what that attends
    to, the patches' tokens.

    Args:
        network: in evaluation mode.
        side: of its images, pixels.

    Raises:
        UserError: the network takes no images of this side.
    """
    names: list[str] = []

    def note(name: str, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == _MAP_RANK and output.shape[2:].numel() > 1:
            names.append(name)

    hooks = [
        module.register_forward_hook(lambda _module, _inputs, output, name=name: note(name, output))
        for name, module in network.named_modules()
        if name
    ]
    try:
        require_side(network, side, "`preprocessing.crop`")
    finally:
        for hook in hooks:
            hook.remove()
    if isinstance(network, torchvision_models().VisionTransformer):
        names = [name for name, _ in network.named_modules() if name.endswith(".ln_1")]
    return names[-1]


def export(network: nn.Module, preprocessing: Preprocessing, path: Path) -> None:
    """Write `network`, a torchvision classifier in evaluation mode, to the ONNX file `path`.

    Raises:
        UserError: the network takes no images of the size that `preprocessing` crops.
    """
    side = preprocessing.crop
    example = torch.zeros(1, 3, side, side, dtype=torch.uint8)
    with warnings.catch_warnings():
        # The TorchScript exporter is deprecated, but the newer one turns the pooling into Gather, Reshape and
        # ReduceMean, which the quantizer leaves in float and ONNX Runtime runs slower.
        warnings.simplefilter("ignore", DeprecationWarning)
        # Tracing warns of each Python condition, such as a check of the image's size; here, none depends on the batch.
        warnings.simplefilter("ignore", TracerWarning)
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


def _as_map(output: Tensor) -> Tensor:
    """Return [batch, channels, rows, columns]; a transformer's tokens, the class token first, are laid out in rows."""
    if output.ndim == _MAP_RANK:
        return output
    tokens = output[:, 1:].transpose(1, 2)
    side = math.isqrt(tokens.shape[2])
    return tokens.reshape(*tokens.shape[:2], side, side)


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
