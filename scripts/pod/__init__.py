"""What the containers of a pod run: one version, its TorchServe and its edge apart (deploy/kubernetes)."""
