"""Which error a server's code and status become."""

from __future__ import annotations

from mobilenet_v3_client import errors
from mobilenet_v3_client.errors import MobileNetV3Error

_CODES: dict[type[MobileNetV3Error], str] = {
    errors.InvalidImage: (
        "empty_body truncated_image no_pixels inconsistent_image unreadable_image body_too_large image_too_large "
        "decompression_bomb unsupported_format decoding_too_slow"
    ),
    errors.InvalidRequest: (
        "malformed_body invalid_top_k invalid_format unknown_class no_explanations refused encoded_body "
        "too_many_instances"
    ),
    errors.Unauthorized: "unauthorized",
    errors.NotFound: "not_found method_not_allowed",
    errors.Overloaded: "rate_limited overloaded",
    errors.Unavailable: "unavailable out_of_memory not_ready",
    errors.DeadlineExceeded: "timeout deadline_exceeded",
    errors.ServerError: "internal_error server_error",
}
BY_CODE = {code: kind for kind, codes in _CODES.items() for code in codes.split()}
# For the codes of a later server, and for what stands between: a proxy's 503 is one as well.
BY_STATUS: dict[int, type[MobileNetV3Error]] = {
    400: errors.InvalidRequest,
    401: errors.Unauthorized,
    403: errors.Unauthorized,
    404: errors.NotFound,
    405: errors.NotFound,
    408: errors.DeadlineExceeded,
    413: errors.InvalidImage,
    415: errors.InvalidImage,
    422: errors.InvalidRequest,
    429: errors.Overloaded,
    500: errors.ServerError,
    503: errors.Unavailable,
    504: errors.DeadlineExceeded,
}


def refusal(
    status: int, code: str | None, message: str, request_id: str | None, retry_after_s: float | None
) -> MobileNetV3Error:
    """Return the error that an answer stands for; `code` is None where it has none."""
    kind = BY_CODE.get(code or "") or BY_STATUS.get(status, errors.UnexpectedAnswer)
    error = kind(message, code=code or f"http_{status}", status=status, request_id=request_id)
    if isinstance(error, errors.TryLater):
        error.retry_after_s = retry_after_s
    return error
