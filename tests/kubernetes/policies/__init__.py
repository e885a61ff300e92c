"""What the schemas allow and these manifests may not do: a function a policy, returning sentences of what is wrong."""

import inspect
from collections.abc import Callable

from tests.kubernetes.built import Object
from tests.kubernetes.policies import naming, network, pods, references, security, versions

Policy = Callable[[list[Object]], list[str]]

# Every public function of these modules is one.
ALL: list[Policy] = [
    found
    for module in (naming, network, pods, references, security, versions)
    for name, found in vars(module).items()
    if inspect.isfunction(found) and found.__module__ == module.__name__ and not name.startswith("_")
]
