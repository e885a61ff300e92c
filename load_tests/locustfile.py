"""Visitors with images of the served model's data against the edge; `make load` runs it, docs/load.md describes it.

A visitor has an id, sends a few images and must meet the same version each time.
"""

import json
import os
import random
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import locust.stats
from locust import FastHttpUser, LoadTestShape, between, events, task
from locust.argument_parser import LocustArgumentParser
from locust.contrib.fasthttp import ResponseContextManager
from locust.env import Environment

from load_tests import drift, figure, files, thresholds
from load_tests.shapes import SHAPES, Shape
from load_tests.thresholds import Seen
from scripts import caller
from scripts.files import replace_file
from scripts.pipeline.spec import DEFAULT_MODEL, MODELS, Spec
from scripts.serving import traffic
from scripts.serving.places import REPOSITORY, Places

locust.stats.CURRENT_RESPONSE_TIME_PERCENTILE_WINDOW = figure.WINDOW_S
SPEC = Spec.load(REPOSITORY / MODELS / (os.environ.get("MODEL") or DEFAULT_MODEL))
PATH = f"/predictions/{SPEC.name}"
VISIT = 5
# By the version that answered first; workers send theirs to the master.
visitors: Counter[str] = Counter()


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    """Let the shape and its length be chosen on the command line and on Locust's page."""
    parser.add_argument("--shape", choices=list(SHAPES), default="steady", help="how many users there are when")
    parser.add_argument("--seconds", type=int, default=60, help="how long the shape takes")
    parser.add_argument("--all-users", type=int, default=16, help="the greatest number of users")
    parser.add_argument("--judged", default="", help="where to write the thresholds", include_in_web_ui=False)


class Stages(LoadTestShape):
    """The chosen shape."""

    abstract = False

    def tick(self) -> tuple[int, float] | None:
        """Return how many users there are now, and how many may come or go a second."""
        assert self.runner is not None
        options = _options(self.runner.environment)
        users = SHAPES[options.shape].users(self.get_run_time(), options.seconds, options.all_users)
        return None if users is None else (users, float(max(users, options.all_users)))


class Visitor(FastHttpUser):
    """Somebody who looks at a few images, and is followed by somebody else."""

    # A person or a machine that does something with an answer before it asks again.
    wait_time = between(0.05, 0.15)

    def on_start(self) -> None:
        """Take an identity."""
        self._arrive()

    @task
    def look(self) -> None:
        """Send one file."""
        if random.random() < _shape(self.environment).broken:
            self._send_broken()
        else:
            self._send_image()

    def _arrive(self) -> None:
        self.identity = str(uuid4())
        self.version: str | None = None
        self.looked = 0

    def _send_image(self) -> None:
        with self._post(random.choice(self._images())) as response:
            version = response.headers.get("x-model-version") if response.headers else None
            response.request_meta["name"] = f"version {version}" if version else "no version"
            problem = self._problem(response, version)
            if problem:
                response.failure(problem)
        if version and self.version is None:
            visitors[version] += 1
            self.version = version
        self.looked += 1
        if self.looked == VISIT:
            self._arrive()

    def _images(self) -> Sequence[bytes]:
        if _shape(self.environment).drifted:
            return tuple(drift.images(SPEC.folder))
        return files.images(SPEC.folder)

    def _problem(self, response: ResponseContextManager, version: str | None) -> str | None:
        if response.status_code != HTTPStatus.OK:
            return f"{response.status_code}: {(response.text or '')[:200]}"
        answer = response.json()
        if answer["predictions"][0]["label"] not in SPEC.labels or answer["version"] != version:
            return f"not an answer of version {version}: {(response.text or '')[:200]}"
        if self.version not in (None, version):
            return f"a visitor met {self.version} and then {version}"
        return None

    def _send_broken(self) -> None:
        broken = random.choice(files.broken())
        with self._post(broken.body) as response:
            response.request_meta["name"] = "broken file"
            try:
                code = json.loads(response.text or "")["error"]["code"]
            except (ValueError, KeyError, TypeError):
                code = None
            if (response.status_code, code) == (broken.status, broken.code):
                response.success()
            else:
                response.failure(f"{response.status_code} {code} instead of {broken.status} {broken.code}")

    def _post(self, body: bytes) -> ResponseContextManager:
        headers = {"content-type": "application/octet-stream", "x-user-id": self.identity} | caller.headers()
        return self.client.post(PATH, data=body, headers=headers, catch_response=True)


@events.test_start.add_listener
def forget(environment: Environment, **_: Any) -> None:
    """Begin to count."""
    visitors.clear()
    environment.split_at_start = _wanted_split()


@events.report_to_master.add_listener
def send_visitors(data: dict[str, Any], **_: Any) -> None:
    """Send a worker's counts."""
    data["visitors"] = dict(visitors)
    visitors.clear()


@events.worker_report.add_listener
def add_visitors(data: dict[str, Any], **_: Any) -> None:
    """Add them on the master."""
    visitors.update(data["visitors"])


@events.quitting.add_listener
def judge(environment: Environment, **_: Any) -> None:
    """Print the thresholds and set the exit status; a worker leaves that to its master."""
    options = _options(environment)
    if options.worker:
        return
    total = environment.stats.total
    seen = Seen(total.num_requests, total.num_failures, total.get_response_time_percentile(0.95), dict(visitors))
    split = _wanted_split()
    is_same = split == getattr(environment, "split_at_start", split)
    checks = thresholds.check(seen, thresholds.read(options.shape), split if is_same else None)
    if not is_same:
        print("the split was changed meanwhile, so who met which version is not judged")
    for check in checks:
        print(f"{'passed' if check.passed else 'FAILED'}  {check.name}: {check.seen}; {check.allowed}")
    if options.judged:
        replace_file(Path(options.judged), json.dumps(thresholds.record(seen, checks)))
    environment.process_exit_code = 0 if all(check.passed for check in checks) else 1


def _wanted_split() -> dict[str, int]:
    return traffic.read(Places.from_environment(os.environ).traffic).split


def _options(environment: Environment) -> Namespace:
    assert environment.parsed_options is not None
    return environment.parsed_options


def _shape(environment: Environment) -> Shape:
    return SHAPES[_options(environment).shape]
