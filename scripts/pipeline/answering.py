"""Answers of an archive to images, given by the archive's own code.

Run by path, as a program, by `scripts.pipeline.served`; nothing of this repository is imported, only the
`handler` package of the unpacked archive in the working directory.

    stdin   {"arithmetic": "auto" | "int8" | "fp32", "max_megapixels": …, "top_k": …, "images": [<file>, …]}
    stdout  {"arithmetic": …, "instructions": …, "bodies": [<answer>, …]}
"""

import json
import sys
from pathlib import Path

# What TorchServe would hand over at once: config.properties has batches of 8.
BATCH = 8


def main() -> None:
    """Answer all images in their order, in batches, as a worker does."""
    sys.path.insert(0, str(Path.cwd()))
    from handler.request import Request  # noqa: PLC0415  (the archive's)
    from handler.service import Service  # noqa: PLC0415
    from handler.settings import Settings  # noqa: PLC0415

    asked = json.load(sys.stdin)
    service = Service.load(Path.cwd(), Settings(arithmetic=asked["arithmetic"], max_megapixels=asked["max_megapixels"]))
    headers = {"x-top-k": str(asked["top_k"])}
    bodies = []
    for start in range(0, len(asked["images"]), BATCH):
        files = asked["images"][start : start + BATCH]
        replies, _ = service.reply_all([Request({"body": Path(file).read_bytes()}, headers) for file in files])
        bodies += [json.loads(reply.body) for reply in replies]
    runs = service.describe()
    json.dump(
        {"arithmetic": runs["arithmetic"], "instructions": runs.get("instructions"), "bodies": bodies}, sys.stdout
    )


if __name__ == "__main__":
    main()
