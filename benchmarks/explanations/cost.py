"""What an explanation costs beside a prediction of the same image: the handler in this process, turn by turn."""

import time
from collections.abc import Sequence

from handler.request import Request
from handler.service import Service
from scripts.spread import Spread

ROUNDS = 5
_ASKED = {"prediction": {}, "map": {"explain": "True", "x-format": "map"}, "png": {"explain": "True"}}


def ratios(service: Service, images: Sequence[bytes]) -> dict[str, Spread]:
    """Return CPU seconds of a prediction (`prediction`), and what the others took of the same images beside it.

    Args:
        service: answers.
        images: encoded; each is asked about alone, once each way, in every round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in _ASKED}
    for _ in range(ROUNDS):
        took = dict.fromkeys(_ASKED, 0.0)
        for number, image in enumerate(images):
            # Another one first each time, so that none always follows the same.
            names = list(_ASKED)[number % len(_ASKED) :] + list(_ASKED)[: number % len(_ASKED)]
            for name in names:
                began = time.process_time()
                service.reply_all([Request({"body": image}, _ASKED[name])])
                took[name] += time.process_time() - began
        for name, sum_s in took.items():
            seconds[name].append(sum_s / len(images))
    found = {"prediction": Spread.of(seconds["prediction"])}
    for name in ("map", "png"):
        found[name] = Spread.of([one / base for one, base in zip(seconds[name], seconds["prediction"], strict=True)])
    return found
