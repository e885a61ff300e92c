"""Memory that the servers take, in MiB (docs/kubernetes.md, "Sizes", says how it was measured)."""

# TorchServe with its supervisor, and each worker, when images are small.
SERVER_MIB, WORKER_MIB = 400, 370
# A limit leaves room for large images, each of which is decoded alone: 32 callers with 9 MB each took 1,210 and 540.
SERVER_LIMIT_MIB, WORKER_LIMIT_MIB = 1400, 560
# Envoy without anything in work, and at most beside its heap.
ENVOY_MIB = 72
