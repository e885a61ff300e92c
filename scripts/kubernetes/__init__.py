"""The same service on Kubernetes: manifests that follow from the operator's files, and verbs for a cluster."""
