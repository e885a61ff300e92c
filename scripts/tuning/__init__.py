"""The configuration that gives this machine its highest throughput under a latency target."""
