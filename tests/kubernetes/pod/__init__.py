"""Runs a rendered pod's containers as a kubelet would, on this machine and without a cluster.

What differs from a pod: paths of volumes and image are mapped to folders here, and every port is a free one, set by the
variable that its program reads. All else is the manifest's, and a field that is not known here is refused.
"""
