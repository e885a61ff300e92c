# The server as an image: docs/image.md says how to build and run it.
# tests/image/ performs these steps without a container engine; it refuses an instruction that it does not know.

# A tag can be moved to other bytes. For the same ones every time: --build-arg PYTHON_IMAGE=python@sha256:<digest>.
ARG PYTHON_IMAGE=python:3.11.15-slim-bookworm

FROM ${PYTHON_IMAGE} AS builder
# PyTorch's CPU index. Without it torch comes from PyPI, whose Linux build brings CUDA: several gigabytes, unused here.
ARG TORCH_INDEX=""
# Wheels only: no compiler is here, and nothing may come to need one.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all:
WORKDIR /srv/mobilenet
# Filled from outside, by the base image's pip, so that it has none itself.
RUN python -m venv --without-pip /srv/venv
COPY requirements-serve.lock pyproject.toml ./
RUN pip --python /srv/venv/bin/python install --no-deps --require-hashes -r requirements-serve.lock
COPY scripts/__init__.py scripts/setup.py scripts/
# The version is pinned where $torch comes from, in pyproject.toml.
# hadolint ignore=DL3013
RUN torch=$(python -c 'from scripts.setup import torch_requirement; print(torch_requirement())') \
    && pip --python /srv/venv/bin/python install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "$torch"
COPY handler handler
COPY scripts scripts
COPY deploy deploy
COPY models models
COPY web web
COPY LICENSE config.properties traffic.yaml ./
# Nothing is compiled when it runs, so that this may be read-only. Unchecked: a copy of a file may have another time.
# Whatever umask the checkout has, the image's user can read all of it and change nothing.
RUN python -m compileall -q --invalidation-mode unchecked-hash handler scripts \
    && mkdir model_store \
    && chmod -R a+rX,go-w .

# The server without archives, which are mounted at /srv/mobilenet/model_store.
FROM ${PYTHON_IMAGE} AS server
WORKDIR /srv/mobilenet
COPY --from=builder /srv/venv /srv/venv
COPY --from=builder /srv/mobilenet /srv/mobilenet
# All that is written is in RUN_DIR and TMPDIR. For everybody, as /tmp: `docker run --user` may be any.
RUN mkdir --mode=1777 /srv/run
ENV RUN_DIR=/srv/run TMPDIR=/tmp
# A container's loopback can't be reached from outside it. EXPOSE goes by EDGE_PORT, not by traffic.yaml.
ENV EDGE_ADDRESS=0.0.0.0 EDGE_PORT=8000
ENV PATH=/srv/venv/bin:${PATH} PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=60s --interval=10s --timeout=6s CMD ["python", "-m", "scripts.healthz"]
ENTRYPOINT ["python", "-m", "scripts.serve"]

# The same with the archives that are in model_store/ when it is built; there must be one.
FROM server
COPY --chmod=644 model_store/*.mar model_store/*.mar.sha256 model_store/
