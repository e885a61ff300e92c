"""What config.properties may say and should not: settings that do something else than they seem to, or nothing."""

import contextlib
from collections.abc import Iterator

from scripts.doctoring.finding import Finding, look, ok
from scripts.errors import UserError
from scripts.pipeline.spec import MODELS, Spec
from scripts.serving import envoy_limits
from scripts.serving.installation import Installation
from scripts.serving.places import REPOSITORY

# Keys of TorchServe's that nothing here goes by, with what does.
_WITHOUT_EFFECT = {
    "default_response_timeout": "each version has its own `responseTimeout` in `models`, 60 s without an entry",
    "default_workers_per_model": "each version has its own `minWorkers` in `models`, 1 without an entry",
    "limit_max_image_pixels": "the handler goes by `handler.max_megapixels`",
    "token_expiration_min": "tokens are off; the edge asks for keys (docs/access.md)",
    "cors_allowed_origin": "`edge.cors_origins` of traffic.yaml says it",
    "cors_allowed_methods": "`edge.cors_origins` of traffic.yaml says it",
    "cors_allowed_headers": "`edge.cors_origins` of traffic.yaml says it",
    "certificate_file": "TorchServe speaks plain HTTP on loopback; `edge.tls` of traffic.yaml is the certificate",
    "private_key_file": "TorchServe speaks plain HTTP on loopback; `edge.tls` of traffic.yaml is the certificate",
    "keystore": "TorchServe speaks plain HTTP on loopback; `edge.tls` of traffic.yaml is the certificate",
    "keystore_pass": "TorchServe speaks plain HTTP on loopback; `edge.tls` of traffic.yaml is the certificate",
    "workflow_store": "workflows are not served",
    "use_env_allowed_urls": "archives come from the model store only",
}
# Values with which something of this project no longer works.
_HARMFUL = {
    ("enable_metrics_api", "false"): "`make status WATCH=1` and `make monitor` read these metrics",
    ("metrics_mode", "log"): "`make status WATCH=1` and `make monitor` read the metrics in HTTP",
    ("cpu_launcher_enable", "true"): "torch's launcher pins workers to cores, beside what `handler.threads` says",
    ("ipex_enable", "true"): "it is for PyTorch's own models; ONNX Runtime answers here",
}


def findings(wanted: Installation) -> list[Finding]:
    """Return the traps found, each with its edit."""
    name = wanted.config.path.name
    traps = [*_keys(wanted, name), *_models(wanted, name), *_queue(wanted, name), *_batches(wanted, name)]
    return traps or [ok("traps of config.properties", "none found")]


def _keys(wanted: Installation, name: str) -> Iterator[Finding]:
    values = wanted.config.torchserve
    for key, instead in _WITHOUT_EFFECT.items():
        if key in values:
            yield look(name, f"`{key}` has no effect: {instead}", f"remove `{key}` from {name}")
    for (key, value), why in _HARMFUL.items():
        if values.get(key, "").strip().lower() == value:
            yield look(name, f"`{key}={value}`: {why}", f"remove `{key}` from {name}")
    if values.get("number_of_gpu", "0") != "0":
        yield look(name, "`number_of_gpu`: the models run on the CPU", f"set number_of_gpu=0 in {name}")


def _models(wanted: Installation, name: str) -> Iterator[Finding]:
    for model, versions in wanted.config.models.items():
        if model == wanted.spec.name:
            yield from (_unused(wanted, version) for version in versions if version not in wanted.traffic.versions)
        elif model not in (known := _served_names()):
            fix = f"rename it to one of {', '.join(known)}, or remove it"
            yield look(name, f"`models`: no model is served as {model}, so nothing goes by its entry", fix)


def _served_names() -> list[str]:
    found = set()
    for path in (REPOSITORY / MODELS).glob("*/spec.yaml"):
        with contextlib.suppress(UserError):  # which the check of the specs shows
            found.add(Spec.load(path.parent).name)
    return sorted(found)


def _unused(wanted: Installation, version: str) -> Finding:
    found = f"`models`: {version} is in neither split nor shadow of {wanted.places.traffic.name}"
    # A version is a name: "1" is not "1.0".
    near = f"{version}.0" if f"{version}.0" in wanted.traffic.versions else ""
    fix = f'write "{near}" there' if near else f"make register VERSION={version}, or remove it"
    return look(wanted.config.path.name, f"{found}, so nothing goes by its entry", fix)


def _queue(wanted: Installation, name: str) -> Iterator[Finding]:
    queue, most = wanted.config.requests_at_once, envoy_limits.max_connections()
    if queue > most:
        found = f"job_queue_size {queue} is above the {most} connections that the edge takes at once"
        yield look(name, found, f"lower it in {name}, or raise the hard limit of open files (`ulimit -Hn`)")


def _batches(wanted: Installation, name: str) -> Iterator[Finding]:
    for version in wanted.traffic.versions:
        settings = wanted.config.version(wanted.spec.name, version)
        queue = wanted.config.requests_at_once
        if settings.batch_size > queue:
            found = f"{version}: batchSize {settings.batch_size} is above job_queue_size {queue}"
            yield look(name, f"{found}, so that no batch can be full", f"lower it in `models` of {name}")
        if settings.max_batch_delay_ms >= 1000 * settings.response_timeout_s:
            found = f"{version}: maxBatchDelay {settings.max_batch_delay_ms} ms is not below responseTimeout"
            yield look(name, f"{found} ({settings.response_timeout_s} s)", f"lower it in `models` of {name}")
        if settings.response_timeout_s > wanted.traffic.edge.timeout_s * 10:
            found = f"{version}: responseTimeout {settings.response_timeout_s} s, while callers get 504 after"
            yield look(
                name,
                f"{found} {wanted.traffic.edge.timeout_s} s: a worker that hangs is kept that long",
                f"lower responseTimeout in `models` of {name}",
            )
