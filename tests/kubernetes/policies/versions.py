"""What goes with each version: its own Service, budget and autoscaler, a spread, and an end without loss."""

from scripts.pod import drain
from scripts.serving.supervisor import STOP_TORCHSERVE_S
from tests.kubernetes.built import Object, of_kind
from tests.kubernetes.policies.workloads import deployments, pod, pod_labels, pods, selected, selects, traffic

_DRAIN = ["python", "-m", "scripts.pod.drain"]


def deployment_that_selects_other_pods(objects: list[Object]) -> list[str]:
    return [
        f"{name}: its selector selects the pods of {found}"
        for each in deployments(objects)
        if (found := selected(each["spec"]["selector"], objects)) != [name := each["metadata"]["name"]]
    ]


def version_without_a_service_of_its_own(objects: list[Object]) -> list[str]:
    selectors = [(each, {"matchLabels": each["spec"]["selector"]}) for each in of_kind(objects, "Service")]
    return _not_its_own(objects, "Service", selectors)


def version_without_a_budget_of_its_own(objects: list[Object]) -> list[str]:
    budgets = of_kind(objects, "PodDisruptionBudget")
    return _not_its_own(objects, "PodDisruptionBudget", [(each, each["spec"]["selector"]) for each in budgets])


def _not_its_own(objects: list[Object], kind: str, selectors: list[tuple[Object, Object]]) -> list[str]:
    found = [(each["metadata"]["name"], selected(selector, objects)) for each, selector in selectors]
    said = [f"{kind} {name} selects the pods of {versions}" for name, versions in found if len(versions) != 1]
    for each in deployments(objects):
        own = [name for name, versions in found if versions == [each["metadata"]["name"]]]
        if len(own) != 1:
            said.append(f"{each['metadata']['name']} has {own} and not one {kind}")
    return said


def version_without_one_autoscaler(objects: list[Object]) -> list[str]:
    """One of the two kinds; two would fight, and a number in the Deployment would be set back by each apply."""
    targets = [each["spec"]["scaleTargetRef"] for each in of_kind(objects, "HorizontalPodAutoscaler", "ScaledObject")]
    said = []
    for each in deployments(objects):
        name = each["metadata"]["name"]
        count = sum(target["name"] == name for target in targets)
        said += [f"{name} has {count} autoscalers"] * (count != 1)
        said += [f"{name} sets replicas"] * ("replicas" in each["spec"])
    return said


def version_that_does_not_spread(objects: list[Object]) -> list[str]:
    said = []
    for each in deployments(objects):
        name = each["metadata"]["name"]
        spreads = pod(each).get("topologySpreadConstraints", [])
        keys = [spread["topologyKey"] for spread in spreads if selects(spread["labelSelector"], pod_labels(each))]
        said += [
            f"{name} does not spread over {key}"
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
            if key not in keys
        ]
        counted = {found for spread in spreads for found in selected(spread["labelSelector"], objects)}
        said += [f"{name} spreads by the pods of {other}" for other in sorted(counted - {name})]
    return said


def pod_that_ends_before_its_requests(objects: list[Object]) -> list[str]:
    """Draining, which waits for the slowest request, and then TorchServe's end fit in the grace period."""
    said = []
    for name, spec in pods(objects):
        hooks = [
            each.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command") for each in spec["containers"]
        ]
        said += [f"{name}: no container drains before its end"] * (_DRAIN not in hooks)
        needed_s = drain.longest_s(traffic(spec, objects)["edge"]["timeout_s"]) + STOP_TORCHSERVE_S
        given_s = spec.get("terminationGracePeriodSeconds", 30)
        said += [f"{name}: has {given_s} s to end and may need {needed_s}"] * (given_s <= needed_s)
    return said
