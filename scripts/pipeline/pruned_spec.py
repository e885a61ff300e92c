"""The spec of a pruned model: `like` the one that was trained, which also teaches it."""

from pathlib import Path

from scripts.errors import UserError
from scripts.files import replace_file
from scripts.pipeline import spec_file
from scripts.pipeline.data.split import read_split
from scripts.pipeline.new_model import require_free_name
from scripts.pipeline.pruning import NotPrunableError, pruned
from scripts.pipeline.recipe import epochs_of
from scripts.pipeline.spec import Spec
from scripts.pipeline.training.distillation import has_maps
from scripts.pipeline.weights import load_network

_STEPS = 6000
"""That give a network back what it lost with its channels."""


def pruned_spec(of: Spec, percent: int) -> Spec:
    """Return the spec of `of` with `percent` of its multiply-adds; written where it is not there yet.

    Args:
        of: trained, with a recipe of its own.
        percent: of the multiply-adds that stay, 1 to 99.

    Raises:
        UserError: a model of that name is something else, or `of` has nothing to prune or to train by.
    """
    folder = of.folder.parent / f"{of.folder.name}_pruned_{percent}"
    path = folder / spec_file.FILE_NAME
    if not path.is_file():
        require_free_name(folder)
        network = load_network(of, None)
        text = _text(of, folder.name, percent, "maps: 0.5" if has_maps(network) else "maps: 0")
        try:
            pruned(network, percent / 100, of.preprocessing.crop)
        except NotPrunableError as error:
            raise UserError(f"KEEP={percent}: {of.folder}: {error}") from error
        replace_file(path, text)
    found = Spec.load(folder)
    if found.recipe.keep != percent / 100 or Path(found.recipe.start) != of.checkpoint_path:
        raise UserError(
            f"{path}: not {of.folder} with {percent} % of its multiply-adds; train it as it is "
            f"(`make train MODEL={folder.name}`), or delete {folder} to begin anew"
        )
    return found


def _text(of: Spec, name: str, percent: int, maps: str) -> str:
    model, last = of.folder.name, of.recipe.phases[-1]
    train_images = list(read_split(of.split_path).values()).count("train")
    return f"""\
# models/{model} with {percent} % of its multiply-adds: the channels that matter least are cut from its weights, and
# what is left learns on, taught by the whole network. Written once, by `make prune MODEL={model} KEEP={percent}`;
# from now on it is yours to edit. What is not here is as in models/{model}/spec.yaml.
like: {model}
name: {name}
training:
  start: {of.checkpoint_path.as_posix()}
  keep: {percent / 100}
  teacher: {model}
  temperature: 2
  phases:
    - name: all
      epochs: {epochs_of(_STEPS, train_images, last.batch)}
      batch: {last.batch}
      side: {last.side}
      scale: [{last.scale[0]}, {last.scale[1]}]
      learning_rate: {last.learning_rate / 2}
      weight_decay: {last.weight_decay}
      loss: {{labels: 0.5, teacher: 0.5, {maps}}}
"""
