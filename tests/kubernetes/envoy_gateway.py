"""Envoy Gateway's policies as far as the manifests use them; a field that is not here is an error.

From https://gateway.envoyproxy.io/v1.9/api/extension_types/.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

# Durations as the Gateway API writes them (GEP-2257).
Duration = Annotated[str, Field(pattern=r"^([0-9]{1,5}(h|m|s|ms)){1,4}$")]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$", max_length=256)]


class Strict(BaseModel):
    """Neither an unknown field nor a value of another type passes."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Metadata(Strict):
    name: str
    namespace: str | None = None
    labels: dict[str, str] = {}


class Policy(Strict):
    apiVersion: Literal["gateway.envoyproxy.io/v1alpha1"]
    metadata: Metadata


class TargetRef(Strict):
    group: Literal["gateway.networking.k8s.io"]
    kind: Literal["Gateway", "HTTPRoute"]
    name: str


class SecretRef(Strict):
    group: Literal[""] = ""
    kind: Literal["Secret"] = "Secret"
    name: str
    namespace: str | None = None


class ExtractFrom(Strict):
    headers: list[HeaderName] = Field(default=[], min_length=1)
    params: list[str] = Field(default=[], min_length=1)
    cookies: list[str] = Field(default=[], min_length=1)

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("exactly one of headers, params and cookies")
        return self


class ApiKeyAuth(Strict):
    credentialRefs: list[SecretRef] = Field(min_length=1)
    extractFrom: list[ExtractFrom] = Field(min_length=1)
    forwardClientIDHeader: HeaderName | None = None
    sanitize: bool = False


class SecuritySpec(Strict):
    targetRefs: list[TargetRef] = Field(min_length=1)
    apiKeyAuth: ApiKeyAuth


class SecurityPolicy(Policy):
    kind: Literal["SecurityPolicy"]
    spec: SecuritySpec


class HeaderMatch(Strict):
    name: HeaderName
    type: Literal["Exact", "RegularExpression", "Distinct"] = "Exact"
    value: str | None = None

    @model_validator(mode="after")
    def _value_unless_distinct(self) -> Self:
        if (self.value is None) != (self.type == "Distinct"):
            raise ValueError("a value, but for Distinct")
        return self


class ClientSelector(Strict):
    headers: list[HeaderMatch] = Field(min_length=1, max_length=16)


class Limit(Strict):
    requests: int = Field(ge=1)
    unit: Literal["Second", "Minute", "Hour", "Day", "Month", "Year"]


class Rule(Strict):
    clientSelectors: list[ClientSelector] = Field(default=[], max_length=8)
    limit: Limit


class LocalRateLimit(Strict):
    rules: list[Rule] = Field(min_length=1, max_length=16)


class RateLimit(Strict):
    type: Literal["Local"]
    local: LocalRateLimit


class BackendTrafficSpec(Strict):
    targetRefs: list[TargetRef] = Field(min_length=1)
    rateLimit: RateLimit


class BackendTrafficPolicy(Policy):
    kind: Literal["BackendTrafficPolicy"]
    spec: BackendTrafficSpec


class ConnectionLimit(Strict):
    value: int = Field(ge=1)
    closeDelay: Duration | None = None


class Connection(Strict):
    connectionLimit: ConnectionLimit


class HttpTimeout(Strict):
    requestReceivedTimeout: Duration | None = None
    idleTimeout: Duration | None = None


class Timeout(Strict):
    http: HttpTimeout


class Header(Strict):
    name: HeaderName
    value: str


class EarlyRequestHeaders(Strict):
    set: list[Header] = []
    add: list[Header] = []
    remove: list[HeaderName] = []


class Headers(Strict):
    requestID: Literal["Preserve", "PreserveOrGenerate", "Generate", "Disable"] | None = None
    earlyRequestHeaders: EarlyRequestHeaders | None = None


class ClientTrafficSpec(Strict):
    targetRefs: list[TargetRef] = Field(min_length=1)
    connection: Connection | None = None
    timeout: Timeout | None = None
    headers: Headers | None = None


class ClientTrafficPolicy(Policy):
    kind: Literal["ClientTrafficPolicy"]
    spec: ClientTrafficSpec


class Resources(Strict):
    requests: dict[Literal["cpu", "memory"], str]
    limits: dict[Literal["cpu", "memory"], str]


class ProxyContainer(Strict):
    resources: Resources


class EnvoyDeployment(Strict):
    replicas: Annotated[int, Field(ge=1)]
    container: ProxyContainer


class EnvoyPdb(Strict):
    minAvailable: Annotated[int, Field(ge=0)]


class KubernetesProvider(Strict):
    envoyDeployment: EnvoyDeployment
    envoyPDB: EnvoyPdb


class Provider(Strict):
    type: Literal["Kubernetes", "Host"]
    kubernetes: KubernetesProvider


class EnvoyProxySpec(Strict):
    provider: Provider


class EnvoyProxy(Policy):
    kind: Literal["EnvoyProxy"]
    spec: EnvoyProxySpec
