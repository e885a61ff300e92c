"""Kubernetes' words for amounts."""

import re

_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


def bytes_of(quantity: str) -> int:
    """Return the bytes that a quantity such as 512Mi is."""
    match = re.fullmatch(r"(\d+)(k|M|G|Ki|Mi|Gi|)", quantity)
    assert match is not None, f"{quantity} is not read here"
    return int(match[1]) * _BYTES[match[2]]
