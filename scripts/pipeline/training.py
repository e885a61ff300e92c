"""The training loop: phases of the spec, one file of state after each epoch, resumed from it when there is one."""

import io
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from handler.metadata import Preprocessing
from scripts.errors import UserError
from scripts.files import replace_file
from scripts.pipeline.evaluation import accuracy
from scripts.pipeline.spec import Phase, Training
from scripts.pipeline.student import Student, loss_of
from scripts.pipeline.views import Cells, batches

WARM_UP = 0.1
"""Share of a phase's steps in which the learning rate rises."""


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
    val_accuracy: float
    """Of the averaged weights, in evaluation mode."""
    seconds: float


@dataclass(frozen=True)
class Validation:
    """The held-out cells, ready for the network."""

    images: Tensor
    """float [n, 3, crop, crop], normalised."""
    labels: Tensor
    """int64 [n]."""


class Trainer:
    """A student on its way: weights, their average, the optimizer of the phase, the log so far."""

    def __init__(self, network: nn.Module, training: Training, preprocessing: Preprocessing, state_path: Path) -> None:
        self.training, self.preprocessing, self.state_path = training, preprocessing, state_path
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.student = Student(network).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        average = get_ema_multi_avg_fn(training.average)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.student, multi_avg_fn=average, use_buffers=True)
        self.log: list[Epoch] = []
        self.optimizer = self._optimizer(training.phases[0])

    @property
    def weights(self) -> dict[str, Tensor]:
        """The average's state dict, without the heads of training."""
        student: Student = self.average.module  # type: ignore[assignment]
        return student.network.state_dict()

    def epochs(self, cells: Cells, validation: Validation, clock: Callable[[], float]) -> Iterator[Epoch]:
        """Train what is left to train; after each epoch the state is on disk before its line is given out."""
        plan = [(phase, number) for phase in self.training.phases for number in range(phase.epochs)]
        for phase, number in itertools.islice(plan, len(self.log), None):
            if number == 0:
                self.optimizer = self._optimizer(phase)
            start = clock()
            loss = self._epoch(cells, phase, number)
            student: Student = self.average.module  # type: ignore[assignment]
            reached = accuracy(student.network, validation.images, validation.labels)
            rate = self.optimizer.param_groups[0]["lr"]
            self.log.append(Epoch(len(self.log) + 1, phase.name, rate, loss, reached, clock() - start))
            self._save()
            yield self.log[-1]

    def resume(self) -> int:
        """Go on from the state on disk, if there is one; the number of epochs that are done.

        Phases that have not begun may have changed since: what was learned before them stands.

        Raises:
            UserError: the state belongs to other settings.
        """
        if not self.state_path.is_file():
            return 0
        state = torch.load(self.state_path, map_location=self.device, weights_only=True)
        begun = self._begun(len(state["log"]))
        if state["begun"] != begun.model_dump_json():
            raise UserError(f"{self.state_path}: begun with other training settings; `--restart` begins anew")
        self.log = [Epoch(**line) for line in state["log"]]
        self.optimizer = self._optimizer(begun.phases[-1])
        self.student.load_state_dict(state["student"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        return len(self.log)

    def _begun(self, epochs: int) -> Training:
        """The settings that the first `epochs` epochs (at least one) depend on."""
        phases = self.training.phases
        ends = itertools.accumulate(phase.epochs for phase in phases)
        count = next((number for number, end in enumerate(ends, 1) if end >= epochs), len(phases))
        return self.training.model_copy(update={"phases": phases[:count]})

    def _epoch(self, cells: Cells, phase: Phase, number: int) -> float:
        seed = self.training.seed + 1000 * len(
            self.log
        )  # Of the epoch, so that a resumed run draws what it would have.
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        steps = math.ceil(len(cells.images) / phase.batch)
        self.student.train()
        losses = []
        for step, drawn in enumerate(batches(cells, phase, self.preprocessing, generator)):
            batch = drawn.to(self.device)
            share = (number * steps + step) / (phase.schedule * steps)
            for group in self.optimizer.param_groups:
                group["lr"] = phase.learning_rate * _rate(share)
            loss = loss_of(self.student(batch.images), batch, phase.loss)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            self.average.update_parameters(self.student)
            losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise UserError(f"phase {phase.name}: the loss is no longer finite; lower its learning_rate in the spec")
        return sum(losses) / len(losses)

    def _optimizer(self, phase: Phase) -> torch.optim.Optimizer:
        """AdamW; biases and batch norm are not decayed."""
        decayed = [parameter for parameter in self.student.parameters() if parameter.ndim > 1]
        free = [parameter for parameter in self.student.parameters() if parameter.ndim <= 1]
        groups: list[dict[str, Any]] = [
            {"params": decayed, "weight_decay": phase.weight_decay},
            {"params": free, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=phase.learning_rate)

    def _save(self) -> None:
        buffer = io.BytesIO()
        state = {
            "begun": self._begun(len(self.log)).model_dump_json(),
            "student": self.student.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "log": [vars(line) for line in self.log],
        }
        torch.save(state, buffer)
        replace_file(self.state_path, buffer.getvalue())


def _rate(share: float) -> float:
    """Factor on the learning rate when `share` of a phase is done: a linear warm-up, then half a cosine to zero."""
    if share < WARM_UP:
        return share / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP)))
