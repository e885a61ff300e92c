"""Declares what PyPI's torchvision, built for CUDA, can't load beside a CPU-only torch (scripts/pipeline/network.py).

`make bench-setup` puts it into .venv-bench as sitecustomize.py: TorchServe's workers can't be told to import anything
before the stock handler imports torchvision.
"""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType


class _BeforeTorchvision(importlib.abc.MetaPathFinder):
    """Acts once, when torchvision is about to be imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name == "torchvision":
            sys.meta_path.remove(self)
            _declare()
        return None


def _declare() -> None:
    import torch  # noqa: PLC0415  (only processes that import torchvision pay for it)

    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    sys.modules[__name__].library = library  # type: ignore[attr-defined]  # declared as long as it lives


sys.meta_path.insert(0, _BeforeTorchvision())
