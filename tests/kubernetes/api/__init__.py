"""A stub of the Kubernetes API server for the real kubectl: objects in memory, requests recorded, faults on demand.

It knows what the verbs ask for, and no more: get, a list by labels, a server-side apply, a JSON patch and a deletion.

with running_api(tmp_path) as api:
    api.put(route)
    api.before("PATCH", "/httproutes/classifier$", lambda: api.edit("HTTPRoute", "classifier", other_weights))
    subprocess.run(["kubectl", "patch", …], env=api.environment)
    assert api.changes[0].body == […]
"""

from tests.kubernetes.api.api import Api
from tests.kubernetes.api.faults import Request
from tests.kubernetes.api.objects import Manifest
from tests.kubernetes.api.server import running_api

__all__ = ["Api", "Manifest", "Request", "running_api"]
