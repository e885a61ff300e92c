"""A container's health check: exits with 0 while every version with weight can answer.

It imports next to nothing, for it is asked every ten seconds.
"""

import json
import os
import ssl
import sys
import urllib.request

from scripts.serving.places import Places

_PATIENCE_S = 5.0


def main() -> int:
    """Return 0 when the server of RUN_DIR says 200 at /healthz, over TLS where it speaks that."""
    try:
        url = json.loads((Places.from_environment(os.environ).run / "state.json").read_text())["url"]
        # Whose certificate it is does not matter: it asks its own machine, and tells nothing.
        trusting = urllib.request.HTTPSHandler(context=ssl._create_unverified_context())
        # Without a proxy of the environment: it is not for loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trusting)
        opener.open(f"{url}/healthz", timeout=_PATIENCE_S).close()
    except (OSError, ValueError, KeyError) as error:
        print(f"not healthy: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
