"""A comparison as Markdown, for the model card."""

from collections.abc import Sequence

from handler.engine import MAX_BATCH
from scripts.markdown import table
from scripts.pipeline.proportion import Proportion
from scripts.pipeline.quantization import calibration
from scripts.pipeline.quantization.comparison import Comparison
from scripts.pipeline.quantization.layers import COLLAPSED_DB, Kind, Layer, collapsed
from scripts.pipeline.quantization.measure import Row
from scripts.pipeline.quantization.noise import HIGHEST_DB
from scripts.pipeline.quantization.onnx_methods import INT8, INT8_WEIGHTS
from scripts.pipeline.quantize import METHOD

_WORST = 5
_SHIPPED = (INT8, INT8_WEIGHTS)


def markdown(found: Comparison) -> str:
    """Return the tables and what they say; it begins with a table and has no heading."""
    sections = [_variants(found), _notes(found), "![Size, time, agreement and layers](quantization.png)"]
    sections += [_calibration(found), *_layers(found)]
    return "\n\n".join(sections) + "\n"


def _variants(found: Comparison) -> str:
    head = ("", "runs in", "arithmetic", "MB", "ms, batch 1", "ms, batch 8", "accuracy", "agreement", "logits, dB")
    rows: list[Sequence[str]] = [
        (
            f"**{row.name}**" if row.name in _SHIPPED else row.name,
            row.runtime,
            row.arithmetic,
            f"{row.bytes / 1e6:.2f}",
            row.cpu_ms[1].text(),
            row.cpu_ms[8].text(),
            f"{row.accuracy:.2%}",
            f"{row.agreement:.2%}",
            _logits(row) if index else "",
        )
        for index, row in enumerate(found.rows)
    ]
    rows += [(gone.name, gone.runtime, f"not here: {_cell(gone.reason)}", *[""] * 6) for gone in found.missing]
    return table(head, rows)


def _notes(found: Comparison) -> str:
    rounds, test = found.rows[0].cpu_ms[1].count, found.images["test"]
    low, high = Proportion(round(found.rows[0].accuracy * test), test).interval_95
    dots = ", ".join(found.machine["int8_dot_products"]) or "none"
    versions = ", ".join(f"{name} {number}" for name, number in found.machine["versions"].items())
    return (
        f"`make quantization MODEL={found.model}` writes this: every variant of one checkpoint "
        f"(`{found.checkpoint_sha256[:12]}`), from the uint8 image to the logits. The two in bold are what an int8 "
        f"archive ships. **ms**: CPU of one image on one thread, which on an idle machine is its time; the median of "
        f"{rounds} rounds in which all took turns, smallest and largest in brackets; ONNX Runtime is given a batch "
        f"as the handler gives it, {MAX_BATCH} images a run. **Accuracy** and **agreement** "
        f"(the same label as the first row): the {test} test images; the first row's accuracy has a 95 % interval of "
        f"{low:.1%} to {high:.1%}. **Logits**: signal to "
        f"quantization noise. **MB**: the saved file; of PyTorch eager the weights alone, of PT2E the exported "
        f"program (`.pt2`). Op by op, that program is PyTorch's own simulation of int8; Inductor makes C++ of it, "
        f"anew in each process and for one kind of CPU, so it is not what is saved. A layer is a convolution or a "
        f"matrix product; how many run in int8 is counted in what runs. Machine: {found.machine['processor']}, "
        f"{found.machine['cores']} cores; instructions for int8: {dots}; {versions}."
    )


def _calibration(found: Comparison) -> str:
    winner = calibration.best(list(found.calibrated))
    rows = [
        (trial.method, str(trial.images), f"{trial.logits_db:.1f}", f"{trial.agreement:.2%}")
        for trial in found.calibrated
    ]
    verdict = (
        f"{winner.method} leaves the least noise, and is what archives are made with."
        if winner.method == METHOD.name
        else f"{winner.method} leaves the least noise here; archives are made with {METHOD.name} all the same "
        "(`METHOD` in `scripts/pipeline/quantize.py`)."
    )
    return (
        f"**Calibration**, chosen on images that were neither calibrated with nor are the gate's: the "
        f"{found.images['held out']} of val. {verdict}\n\n"
        + table(("method", "train images", "logits, dB", "agreement"), rows)
    )


def _layers(found: Comparison) -> list[str]:
    if not found.layers:
        return []
    worst = sorted(found.layers, key=lambda layer: layer.output_db)[:_WORST]
    rows = [(f"`{layer.name}`", layer.op, layer.kind, f"{layer.output_db:.1f}", _weights(layer)) for layer in worst]
    return [
        f"**Layer by layer**, int8 arithmetic against float32 on val images, each layer with the noise of all before "
        f"it; the worst {_WORST} of {len(found.layers)} (all of them: `quantization.json`):",
        table(("layer", "operator", "part", "output, dB", "weights (worst channel), dB"), rows),
        f"A layer collapses when its noise has more than a tenth of its signal's energy: below {COLLAPSED_DB:g} dB. "
        + " ".join([*(_verdict(found.layers, kind) for kind in ("hard-swish", "squeeze-excite")), _channels(found)]),
    ]


def _verdict(layers: Sequence[Layer], kind: Kind) -> str:
    own = [layer for layer in layers if layer.kind == kind]
    if not own:
        return f"The network has no {kind} layers."
    lost = collapsed(own)
    lowest = min(own, key=lambda layer: layer.output_db)
    if lost:
        return f"**{len(lost)} of {len(own)} layers of {kind} collapse**: {_names(lost)}."
    return (
        f"None of the {len(own)} layers of {kind} collapses; the worst, `{lowest.name}`, has {lowest.output_db:.1f} dB."
    )


def _channels(found: Comparison) -> str:
    worst = min((layer.weights.worst_channel_db for layer in found.layers if layer.weights), default=None)
    if worst is None:
        return ""
    state = "none has" if worst >= COLLAPSED_DB else "**some have**"
    other = found.per_tensor_worst_channel_db
    apart = f"; with one scale a tensor it would be {other:.1f} dB" if other is not None else ""
    return f"Channels with tiny weights: {state} lost them; the worst channel's weights keep {worst:.1f} dB{apart}."


def _weights(layer: Layer) -> str:
    return f"{layer.weights.all_db:.1f} ({layer.weights.worst_channel_db:.1f})" if layer.weights else ""


def _logits(row: Row) -> str:
    return f"{row.logits_db:.1f}" if row.logits_db < HIGHEST_DB else f"over {HIGHEST_DB:g}"


def _names(layers: Sequence[Layer]) -> str:
    return ", ".join(f"`{layer.name}` ({layer.output_db:.1f} dB)" for layer in layers)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
