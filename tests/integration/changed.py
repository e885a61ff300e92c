"""An archive that was changed after it was built, in a way that only its worker can notice."""

import json
import zipfile
from pathlib import Path


def write_changed(source: Path, target: Path, version: str, name: str | None = None) -> None:
    """Zip the archive `source` again as `target`, one bit of each graph flipped, named `version` and `name`."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.namelist():
            content = bytearray(old.read(member))
            if member.endswith(".onnx"):
                content[len(content) // 2] ^= 1
            if member.startswith("MAR-INF"):
                manifest = json.loads(content)
                manifest["model"] |= {"modelVersion": version} | ({"modelName": name} if name else {})
                content = bytearray(json.dumps(manifest).encode())
            new.writestr(member, bytes(content))
