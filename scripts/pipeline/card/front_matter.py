"""The YAML before a card, as Hugging Face's Hub reads it (https://github.com/huggingface/hub-docs, modelcard.md)."""

import io
import re
from typing import Any

from ruamel.yaml import YAML

from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Elpv, Named

# Identifiers of https://huggingface.co/docs/hub/repositories-licenses that weights of images are likely to have.
_LICENSES = [
    *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "gpl-2.0", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0"),
    *("cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nd-4.0"),
    *("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"),
    *("cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "odbl", "openrail", "pddl", "unlicense"),
]
_UNSTATED = "not stated"
_HUB_DATASETS = {"cifar10": ("uoft-cs/cifar10", "CIFAR-10"), "mnist": ("ylecun/mnist", "MNIST")}


def front_matter(spec: Spec, evidence: dict[str, Any]) -> str:
    """Return the YAML, without the lines of dashes around it."""
    dataset, dataset_name = _dataset(spec)
    tags = ["image-classification", spec.architecture.replace("_", "-"), "onnx", "int8", "torchserve"]
    content = {
        **license_keys(spec.license),
        "library_name": "torchvision",
        "pipeline_tag": "image-classification",
        "tags": tags,
        "datasets": [dataset],
        "metrics": ["accuracy", "roc_auc"],
        "model-index": [
            {
                "name": spec.name,
                "results": [
                    {
                        "task": {"type": "image-classification", "name": "Image classification"},
                        "dataset": {"type": dataset, "name": dataset_name, "split": "test"},
                        "metrics": _metrics(evidence),
                    }
                ],
            }
        ],
    }
    text = io.StringIO()
    yaml = YAML()
    yaml.width = 4096  # No value is broken over lines: some readers of front matter are simple.
    yaml.dump(content, text)
    return text.getvalue()


def license_keys(text: str) -> dict[str, str]:
    """Return the licence of a spec by the Hub's identifier; of one that it has none for, `other` and a name."""
    slug = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.").replace("-license", "")
    known = [name for name in _LICENSES if re.match(rf"{re.escape(name)}\.?(-|$)", slug)]
    if known:
        return {"license": max(known, key=len)}
    if not slug or text.lower().startswith(_UNSTATED):
        return {"license": "unknown"}
    link = re.search(r"https?://[^\s,;)]+", text)
    return {
        "license": "other",
        "license_name": "-".join(slug.split("-")[:8]),
        **({"license_link": link.group()} if link else {}),
    }


def _dataset(spec: Spec) -> tuple[str, str]:
    match spec.data:
        case Elpv():
            return "elpv-dataset", "elpv-dataset: electroluminescence images of solar cells"
        case Named(source=source):
            return _HUB_DATASETS[source]
        case _:
            return "imagefolder", spec.description


def _metrics(evidence: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": kind, "value": measured[kind], "name": f"{name}, {graph} (version {version})"}
        for version, archive in evidence["archives"].items()
        for graph, measured in archive["gate"]["measured"].items()
        if version == "1.0" or "paired" in measured
        for kind, name in (("accuracy", "Accuracy"), ("roc_auc", "ROC-AUC"))
        if measured[kind] is not None
    ]
