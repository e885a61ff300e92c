"""`python -m scripts.exporter`: what `make report` says, as Prometheus' metrics, beside the running server."""
