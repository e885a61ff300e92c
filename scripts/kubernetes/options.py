"""What every verb for a cluster takes."""

from typing import Annotated

import typer

Overlay = Annotated[str, typer.Option(envvar="OVERLAY", help="A folder of deploy/kubernetes/overlays; no default.")]
Context = Annotated[str, typer.Option(envvar="KUBE_CONTEXT", help="Of the kubeconfig; the current one by default.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
