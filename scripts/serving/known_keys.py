"""Which of TorchServe's keys config.properties may have, and with which values."""

import difflib
import re
from collections.abc import Iterable, Mapping

from scripts.serving.places import REPOSITORY

# The keys that TorchServe 0.12.0 reads: string constants of org.pytorch.serve.util.ConfigManager in its jar, and
# `vmargs` and `plugins_path`, which ts/model_server.py reads. A test holds this list against the jar.
TORCHSERVE = frozenset(
    [
        "allowed_urls",
        "async_logging",
        "blacklist_env_vars",
        "certificate_file",
        "cors_allowed_headers",
        "cors_allowed_methods",
        "cors_allowed_origin",
        "cpp_log_config",
        "cpu_launcher_args",
        "cpu_launcher_enable",
        "debug",
        "decode_input_request",
        "default_response_timeout",
        "default_service_handler",
        "default_startup_timeout",
        "default_workers_per_model",
        "disable_system_metrics",
        "disable_token_authorization",
        "enable_envvars_config",
        "enable_grpc_ssl",
        "enable_metrics_api",
        "enable_model_api",
        "grpc_inference_address",
        "grpc_inference_max_connection_age_grace_ms",
        "grpc_inference_max_connection_age_ms",
        "grpc_inference_port",
        "grpc_management_address",
        "grpc_management_max_connection_age_grace_ms",
        "grpc_management_max_connection_age_ms",
        "grpc_management_port",
        "inference_address",
        "initial_distribution_port",
        "initial_worker_port",
        "install_py_dep_per_model",
        "io_ratio",
        "ipex_enable",
        "ipex_gpu_enable",
        "job_queue_size",
        "keystore",
        "keystore_pass",
        "keystore_type",
        "limit_max_image_pixels",
        "load_models",
        "management_address",
        "max_request_size",
        "max_response_size",
        "metric_time_interval",
        "metrics_address",
        "metrics_config",
        "metrics_mode",
        "model_metrics_auto_detect",
        "model_server_home",
        "model_snapshot",
        "model_store",
        "models",
        "netty_client_threads",
        "number_of_gpu",
        "number_of_netty_threads",
        "prefer_direct_buffer",
        "private_key_file",
        "service_envelope",
        "system_metrics_cmd",
        "token_expiration_min",
        "ts_header_key_sequence_end",
        "ts_header_key_sequence_id",
        "ts_header_key_sequence_start",
        "ts_open_inference_protocol",
        "unregister_model_timeout",
        "use_env_allowed_urls",
        "use_native_io",
        "workflow_store",
    ]
)
# Read by TorchServe's launcher, which this project goes without; they would be ignored.
LAUNCHER = {"vmargs": "set JAVA_TOOL_OPTIONS instead", "plugins_path": "plug-ins are not supported"}

# Keys that the supervisor sets itself, with their values (None: it depends on the run) and why they can't be chosen.
FIXED: dict[str, tuple[str | None, str]] = {
    "load_models": ("none", "versions are registered one by one; `split` in traffic.yaml says which"),
    "model_store": (None, "the MODEL_STORE variable says where it is"),
    "model_snapshot": (None, "a snapshot would bring back versions that traffic.yaml no longer has"),
    "disable_token_authorization": ("true", "TorchServe listens on loopback only and the edge decides who may come in"),
    "enable_model_api": ("true", "without it no version could be registered"),
    "enable_envvars_config": ("false", "config.properties is the one place for settings"),
    "default_service_handler": (None, "the handler is part of the archive"),
    "service_envelope": (None, "the handler reads every body itself"),
    # Anything but the model store: the archives' digests are checked there.
    "allowed_urls": ("none://", "archives come from the model store only"),
    "install_py_dep_per_model": ("false", "the environment is pinned; a registration must not change it"),
    "initial_worker_port": (None, "the WORKER_PORT variable says it"),
}

ADDRESSES = ("inference_address", "management_address", "metrics_address")
GRPC_ADDRESSES = ("grpc_inference_address", "grpc_management_address")
GRPC_PORTS = ("grpc_inference_port", "grpc_management_port")
INTEGERS = (
    *GRPC_PORTS,
    "default_response_timeout",
    "default_startup_timeout",
    "default_workers_per_model",
    "job_queue_size",
    "max_request_size",
    "max_response_size",
    "metric_time_interval",
    "netty_client_threads",
    "number_of_gpu",
    "number_of_netty_threads",
    "unregister_model_timeout",
)
QUEUE, QUEUE_DEFAULT = "job_queue_size", "100"
_ADDRESS = re.compile(r"http://(?P<host>[^:/]+):(?P<port>\d+)/?")
_METRICS_MODES = ("prometheus", "log", "legacy")
_LOOPBACK_HOSTS = ("127.0.0.1", "localhost")
_LOOPBACK_ONLY = "TorchServe's ports never face a network (its HTTP stack is old and unpatched), only the edge does."


def check(values: Mapping[str, str], near: Iterable[str]) -> None:
    """Return when every key may be there with its value.

    Args:
        values: all but the handler's.
        near: other keys that a misspelt one may have meant.

    Raises:
        ValueError: one may not; it names the key and a fix.
    """
    for key, value in values.items():
        if key in FIXED:
            fixed, why = FIXED[key]
            if value != fixed:
                raise ValueError(f"`{key}` can't be chosen: {why}; remove it.")
        elif key in LAUNCHER:
            raise ValueError(f"`{key}` would be ignored; {LAUNCHER[key]}.")
        elif key not in TORCHSERVE:
            close = difflib.get_close_matches(key, [*TORCHSERVE, *near], n=1)
            raise ValueError(f"unknown key `{key}`; " + (f"did you mean `{close[0]}`?" if close else "remove it."))
        elif key in ADDRESSES:
            port_of(key, value)
        elif key in GRPC_ADDRESSES and value not in _LOOPBACK_HOSTS:
            raise ValueError(f"`{key}` is {value}; {_LOOPBACK_ONLY} Use 127.0.0.1.")
        elif key in INTEGERS and not (value.isascii() and value.isdigit()):
            raise ValueError(f"`{key}` is {value!r}; use a whole number.")
        elif key == "metrics_mode" and value not in _METRICS_MODES:
            # TorchServe would go on in `log` mode and say so in its log only (ConfigManager.getMetricsMode).
            raise ValueError(f"`{key}` is {value!r}; use {', '.join(_METRICS_MODES[:-1])} or {_METRICS_MODES[-1]}.")
        elif key == "metrics_config" and not (REPOSITORY / value).is_file():
            raise ValueError(f"`{key}`: there is no file {value}; a relative path is the repository's.")


def port_of(key: str, value: str) -> int:
    """Return the port of an HTTP address.

    Raises:
        ValueError: it is none, or not on loopback.
    """
    match = _ADDRESS.fullmatch(value)
    if match is None:
        raise ValueError(f"`{key}` is {value!r}; write it as http://127.0.0.1:PORT.")
    if match["host"] not in _LOOPBACK_HOSTS:
        raise ValueError(f"`{key}` is {value}; {_LOOPBACK_ONLY} Use 127.0.0.1.")
    return int(match["port"])
