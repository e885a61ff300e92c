"""Kinds whose definitions come with typed models, and what the models say against an object."""

from typing import Annotated, Any, Literal

import pydantic
from cloudcoil.models.keda import v1alpha1 as keda
from cloudcoil.models.prometheus_operator import v1 as prometheus
from pydantic import Field

from tests.kubernetes import envoy_gateway
from tests.kubernetes.built import Object
from tests.kubernetes.envoy_gateway import Metadata, Strict


class Fallback(keda.Fallback):
    """With what KEDA 2.17 added; the models are 2.16's.

    https://keda.sh/docs/2.17/reference/scaledobject-spec/#fallbackbehavior
    """

    behavior: Literal["static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"] = "static"


class ScaledObjectSpec(keda.ScaledObjectSpec):
    fallback: Fallback | None = None


class ScaledObject(keda.ScaledObject):
    spec: ScaledObjectSpec


class GatewayClassSpec(Strict):
    controllerName: Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[A-Za-z0-9/._~%!$&'()*+,;=:-]+$")]
    description: Annotated[str, Field(max_length=64)] | None = None


class GatewayClass(Strict):
    """From https://gateway-api.sigs.k8s.io/reference/spec/#gatewayclass."""

    apiVersion: Literal["gateway.networking.k8s.io/v1"]
    kind: Literal["GatewayClass"]
    metadata: Metadata
    spec: GatewayClassSpec


MODELS: dict[str, type[pydantic.BaseModel]] = {
    "ScaledObject": ScaledObject,
    "PodMonitor": prometheus.PodMonitor,
    "PrometheusRule": prometheus.PrometheusRule,
    "SecurityPolicy": envoy_gateway.SecurityPolicy,
    "BackendTrafficPolicy": envoy_gateway.BackendTrafficPolicy,
    "ClientTrafficPolicy": envoy_gateway.ClientTrafficPolicy,
    "EnvoyProxy": envoy_gateway.EnvoyProxy,
    "GatewayClass": GatewayClass,
}


def wrong(each: Object) -> list[str]:
    """Return what an object's model says against it; an empty list: nothing."""
    try:
        parsed = MODELS[each["kind"]].model_validate(each)
    except pydantic.ValidationError as error:
        return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    # The published models pass over a field that they don't know, and take "15" for 15.
    return list(_lost(each, parsed.model_dump(mode="json", by_alias=True, exclude_unset=True), ""))


def _lost(written: Any, read: Any, where: str) -> list[str]:
    """Return where the model has not kept what was written."""
    if isinstance(written, dict) and isinstance(read, dict):
        return [said for name, inner in written.items() for said in _lost(inner, read.get(name), f"{where}.{name}")]
    if isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        pairs = enumerate(zip(written, read, strict=True))
        return [said for place, (one, other) in pairs for said in _lost(one, other, f"{where}[{place}]")]
    same = written == read and type(written) is type(read)
    return [] if same else [f"{where.lstrip('.')}: {written!r} is read as {read!r}"]
