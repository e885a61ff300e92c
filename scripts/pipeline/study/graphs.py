"""The two graphs by which a model of a study is measured and timed."""

from pathlib import Path

from handler.metadata import Arithmetic
from scripts.pipeline.gate import REFERENCE
from scripts.pipeline.spec import Spec
from scripts.pipeline.version import export_graphs, graph_names


def export_once(spec: Spec, folder: Path) -> None:
    """Make `folder` with a model's graphs, where it is not there yet."""
    if not folder.is_dir():
        folder.mkdir()
        export_graphs(spec, "int8", None, folder)


def graphs(folder: Path) -> dict[str, tuple[Path, Arithmetic]]:
    """Return file and arithmetic of each graph in a folder, as tables name it."""
    return {
        REFERENCE: (folder / graph_names("float32")["fp32"], "fp32"),
        "int8": (folder / graph_names("int8")["int8"], "int8"),
    }
