"""The training loop: phases of the spec, one file of state after each epoch, resumed from it when there is one."""

import io
import itertools
import math
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from handler.metadata import Preprocessing
from scripts.errors import UserError
from scripts.files import replace_file
from scripts.pipeline.spec_training import Phase, Training
from scripts.pipeline.training import freezing, rounding
from scripts.pipeline.training.batches import Crops, batches, normalise
from scripts.pipeline.training.lesson import Lesson
from scripts.pipeline.training.optimization import optimizer, set_rate
from scripts.pipeline.training.packed import Packed
from scripts.pipeline.training.validation import validate

SEEDS_PER_RUN = 100_000
"""More epochs than a run has: each epoch draws from a seed of its own."""


@dataclass(frozen=True)
class Epoch:
    """One line of the log; accuracies are fractions of 1."""

    epoch: int
    """From 1, over all phases."""
    phase: str
    learning_rate: float
    """After its last step."""
    loss: float
    """Mean over the epoch's steps; phases weigh it differently."""
    val_loss: float
    """Cross-entropy of the averaged weights to the labels, in evaluation mode."""
    val_accuracy: float
    """Of the same."""
    seconds: float


@dataclass(frozen=True)
class Images:
    """What a run works with.

    Attributes:
        train: to learn from.
        val: to see how well it goes, as it is served; nothing is decided by it here.
    """

    train: Packed
    val: Packed


class Trainer:
    """A network on its way: its weights, their average, the optimizer of the phase, the log so far."""

    def __init__(
        self,
        lesson: Lesson,
        training: Training,
        preprocessing: Preprocessing,
        state_path: Path,
        device: torch.device,
    ) -> None:
        self.training, self.preprocessing, self.state_path, self.device = training, preprocessing, state_path, device
        self.lesson, self.network, self.heads = lesson, lesson.network, lesson.heads
        average = get_ema_multi_avg_fn(training.average)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.network, multi_avg_fn=average, use_buffers=True)
        self.log: list[Epoch] = []
        self.basis = ""
        # fp16 gradients vanish unless the loss is scaled; bf16 has the range of fp32.
        self.half = torch.bfloat16 if device.type == "cpu" or torch.cuda.is_bf16_supported() else torch.float16
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.half is torch.float16)
        self.optimizer = self._optimizer(training.phases[0])

    @property
    def weights(self) -> dict[str, Tensor]:
        """The average's state dict."""
        return self.average.module.state_dict()

    def epochs(
        self, images: Images, clock: Callable[[], float], step_done: Callable[[Phase, int], None]
    ) -> Iterator[Epoch]:
        """Train what is left to train; after each epoch the state is on disk before its line is given out.

        Args:
            images: of the spec.
            clock: in seconds.
            step_done: is told the phase and the number of images after each step.
        """
        plan = [(phase, number) for phase in self.training.phases for number in range(phase.epochs)]
        for phase, number in itertools.islice(plan, len(self.log), None):
            if number == 0:
                self.optimizer = self._optimizer(phase)
            start = clock()
            loss = self._epoch(images.train, phase, number, step_done)
            val_loss, val_accuracy = validate(self.average.module, images.val, self.preprocessing)
            rate = self.optimizer.param_groups[0]["lr"]
            seconds = clock() - start
            self.log.append(Epoch(len(self.log) + 1, phase.name, rate, loss, val_loss, val_accuracy, seconds))
            self._save()
            yield self.log[-1]

    def resume(self, basis: str) -> int:
        """Go on from the state on disk, if there is one; the number of epochs that are done.

        Phases that have not begun may have changed since: what was learned before them stands.

        Args:
            basis: digest of what the run depends on besides its settings.

        Raises:
            UserError: the state can't be read, or belongs to other settings or to another basis.
        """
        self.basis = basis
        if not self.state_path.is_file():
            return 0
        try:
            # Only tensors and plain values: a pickle could run code.
            state = torch.load(self.state_path, map_location=self.device, weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
            raise UserError(f"{self.state_path}: not the state of a run; `RESTART=1` begins anew") from error
        begun = self._begun(len(state["log"]))
        if state["begun"] != begun.model_dump_json():
            raise UserError(f"{self.state_path}: begun with other training settings; `RESTART=1` begins anew")
        if state["basis"] != basis:
            raise UserError(
                f"{self.state_path}: begun with other images, labels, preprocessing, network, start or teacher; "
                "`RESTART=1` begins anew"
            )
        self.log = [Epoch(**line) for line in state["log"]]
        self.optimizer = self._optimizer(begun.phases[-1])
        for name, part in self._parts():
            part.load_state_dict(state[name])
        return len(self.log)

    def _begun(self, epochs: int) -> Training:
        """The settings that the first `epochs` epochs (at least one) depend on."""
        phases = self.training.phases
        ends = itertools.accumulate(phase.epochs for phase in phases)
        count = next((number for number, end in enumerate(ends, 1) if end >= epochs), len(phases))
        return self.training.model_copy(update={"phases": phases[:count]})

    def _epoch(self, train: Packed, phase: Phase, number: int, step_done: Callable[[Phase, int], None]) -> float:
        # A seed for each epoch, so that a resumed run draws what it would have drawn.
        seed = self.training.seed * SEEDS_PER_RUN + len(self.log)
        torch.manual_seed(seed)
        crops = Crops(train, phase, self.training.augmentation, seed)
        steps = math.ceil(len(crops) / phase.batch)
        freezing.training_mode(self.network, phase)
        losses = []
        for step, batch in enumerate(batches(crops, phase.batch)):
            set_rate(self.optimizer, phase, (number * steps + step) / (phase.epochs * steps))
            images = normalise(batch.images.to(self.device, non_blocking=True), self.preprocessing)
            with torch.autocast(self.device.type, self.half, enabled=self.device.type == "cuda"):
                loss = self.lesson.loss(images, batch.targets.to(self.device), phase.loss)
            self.optimizer.zero_grad()
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.average.update_parameters(self.network)
            losses.append(loss.item())
            step_done(phase, len(images))
        if not math.isfinite(losses[-1]):
            raise UserError(f"phase {phase.name}: the loss is no longer finite; lower its learning_rate in the spec")
        return sum(losses) / len(losses)

    def _optimizer(self, phase: Phase) -> torch.optim.Optimizer:
        freezing.choose(self.network, phase)
        rounding.choose(self.network, phase)
        return optimizer([*self.network.parameters(), *self.heads.parameters()], phase)

    def _parts(self) -> list[tuple[str, Any]]:
        """What a resumed run takes up, by its name in the state."""
        return [
            ("network", self.network),
            ("average", self.average),
            ("heads", self.heads),
            ("optimizer", self.optimizer),
            ("scaler", self.scaler),
        ]

    def _save(self) -> None:
        buffer = io.BytesIO()
        state = {name: part.state_dict() for name, part in self._parts()}
        settings = {"begun": self._begun(len(self.log)).model_dump_json(), "basis": self.basis}
        torch.save(state | settings | {"log": [vars(line) for line in self.log]}, buffer)
        replace_file(self.state_path, buffer.getvalue())
