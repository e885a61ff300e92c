"""The key with which verbs of this project ask an edge: in the environment, where `ps` does not show it."""

import os


def headers() -> dict[str, str]:
    """Return the header with the key that API_KEY holds; none where it is not set."""
    key = os.environ.get("API_KEY")
    return {"x-api-key": key} if key else {}
