"""What ships inside an archive: request rows in, encoded replies out."""

import os

# ONNX Runtime's own builds for Linux and macOS send usage data, unless this is set before they are imported (1.29 and
# later; microsoft/onnxruntime#27379). Whoever serves an archive has not been asked.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
