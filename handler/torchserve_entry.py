"""TorchServe's way in: translates its rows and context, and decides nothing.

Exactly one class: TorchServe takes the only one that this module defines.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from handler.errors import ArchiveError
from handler.harvest import Harvest
from handler.memory import give_large_blocks_back
from handler.metrics import BatchMetrics, counting_digest_mismatches
from handler.prediction_log import PredictionLog
from handler.request import Request
from handler.service import Service
from handler.settings import Settings


class MobileNetHandler:
    """Serves one archive in one worker."""

    def initialize(self, context: Any) -> None:
        """Load, verify and warm up the archive.

        Raises:
            ArchiveError: the archive was changed, or its manifest names another model or version.
        """
        settings = Settings.from_environment(os.environ)
        give_large_blocks_back()
        torch.set_num_threads(settings.threads)
        manifest = context.manifest["model"]
        said = (manifest["modelName"], manifest["modelVersion"])
        with counting_digest_mismatches(context.metrics, *said):
            self.service = Service.load(Path(context.system_properties["model_dir"]), settings)
        metadata = self.service.metadata
        if said != (metadata.name, metadata.version):
            raise ArchiveError(
                f"the manifest names {' '.join(said)}, model.json {metadata.name} {metadata.version}; "
                "build the archive again."
            )
        self.metrics = BatchMetrics(context.metrics, metadata.name, metadata.version, self.service.engine.arithmetic)
        self.log = PredictionLog(self.service) if settings.prediction_share else None
        if self.log:
            self.log.flush_at_end()
        self.harvest = Harvest(self.service) if settings.harvest == "on" else None

    def handle(self, rows: Sequence[Mapping[str, Any]], context: Any) -> list[bytes]:
        """Return one body a row, and set each row's status and headers."""
        headers = [_lower_case(context.get_all_request_header(index)) for index in range(len(rows))]
        requests = [
            Request(row, header, context.get_request_id(index))
            for index, (row, header) in enumerate(zip(rows, headers, strict=True))
        ]
        replies, report = self.service.reply_all(requests)
        if self.log:
            self.log.add(report)
        if self.harvest:
            self.harvest.add(report)
        dropped = (kept.newly_dropped() if kept else 0 for kept in (self.log, self.harvest))
        self.metrics.write(report, *dropped)
        for index, reply in enumerate(replies):
            context.set_response_status(reply.status, reply.phrase, index)
            context.set_response_content_type(index, reply.content_type)
            context.set_response_header(index, "x-model-version", self.service.metadata.version)
            context.set_response_header(index, "x-model-arithmetic", self.service.engine.arithmetic)
        return [reply.body for reply in replies]


def _lower_case(headers: Mapping[str, Any]) -> dict[str, str]:
    # TorchServe puts the parts' own headers here too, as dicts under the part's name.
    return {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
