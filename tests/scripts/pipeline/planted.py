"""Pickles that run code when they are read, as files of every kind that has pickles in it."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch


class Planted:
    """Makes a file when it is unpickled."""

    def __init__(self, ran: Path) -> None:
        self._ran = ran

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._ran,)


def plain(planted: Planted, path: Path) -> None:
    path.write_bytes(pickle.dumps(planted, protocol=2))  # torch's own; it warns of others


def of_torch(planted: Planted, path: Path) -> None:
    torch.save({"weight": torch.zeros(1), "more": planted}, path)


def of_old_torch(planted: Planted, path: Path) -> None:
    torch.save({"more": planted}, path, _use_new_zipfile_serialization=False)


def of_numpy(planted: Planted, path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.array([planted], dtype=object), allow_pickle=True)


FORMATS = pytest.mark.parametrize("write", [plain, of_torch, of_old_torch, of_numpy])


def refused(planted: Planted, error: type[Exception], read: Callable[[], object]) -> str:
    """Return the sentence in which reading is refused; nothing has run."""
    with pytest.raises(error) as caught:
        read()
    assert not planted._ran.exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)
