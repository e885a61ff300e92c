"""From archives to answered requests: configuration, TorchServe, edge, life cycle."""
