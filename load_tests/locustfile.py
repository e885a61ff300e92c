"""Solar cells against the edge, a label checked in every answer.

`make load` runs it headless; `locust -f load_tests/locustfile.py` opens Locust's page. Fails (exit status 1) when a
request fails.
"""

import os
import random

from locust import HttpUser, events, task
from locust.env import Environment

from scripts.build import elpv
from scripts.build.spec import MODELS, Spec

SPEC = Spec.load(MODELS / "elpv")
HEADERS = {"content-type": "application/octet-stream"}
IMAGES = [cell.path.read_bytes() for cell in elpv.cells()[:200]]


class Inspector(HttpUser):
    """Somebody who sends one cell after the other and always meets the same version."""

    host = f"http://127.0.0.1:{os.environ.get('EDGE_PORT', '8000')}"

    def on_start(self) -> None:
        """Take an identity, as a browser or a camera would."""
        self.identity = {"x-user-id": str(random.randrange(1_000_000))}

    @task
    def predict(self) -> None:
        """Send one cell; an answer without a known label is a failure."""
        path = f"/predictions/{SPEC.name}"
        with self.client.post(
            path, data=random.choice(IMAGES), headers=HEADERS | self.identity, catch_response=True
        ) as response:
            if not response.ok:
                response.failure(f"{response.status_code}: {response.text[:200]}")
            elif response.json()["predictions"][0]["label"] not in SPEC.labels:
                response.failure(f"unknown label in {response.text[:200]}")


@events.quitting.add_listener
def fail_on_any_failure(environment: Environment, **_: object) -> None:
    """Set the exit status."""
    stats = environment.stats.total
    environment.process_exit_code = 1 if stats.num_failures or not stats.num_requests else 0
