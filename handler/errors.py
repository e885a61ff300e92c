"""What can be wrong with a request or an archive.

RequestError                 one request's own fault; its neighbours in the batch are answered
├── EmptyBody            400
├── MalformedBody        400
├── InvalidTopK          400
├── InvalidFormat        400
├── UnknownClass         400
├── UnreadableImage      400
│   ├── TruncatedImage   400
│   ├── NoPixels         400
│   └── InconsistentImage 400
├── ImageTooLarge        413
├── DecompressionBomb    413
├── UnsupportedFormat    415
├── EncodedBody          415
├── TooManyInstances     422
├── DecodingTooSlow      422
├── InternalError        500   our fault, not the request's
├── NoExplanations       501
├── OutOfMemory          503   it may succeed in another moment
└── DeadlineExceeded     504   nobody waits for it any more
ArchiveError                 the archive can't be served (a RuntimeError: TorchServe catches no other while loading)
└── DigestError              a file of it was changed
"""

from typing import ClassVar


class RequestError(Exception):
    """A request that gets an error of its own.

    Attributes:
        status: HTTP status, 400 to 599.
        code: a stable identifier for programs, in snake_case.
        image: the encoded image that it is about; None where it is about no image that was read.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    image: bytes | None = None


class EmptyBody(RequestError):
    """No bytes were sent, or the expected part holds none."""

    code = "empty_body"


class MalformedBody(RequestError):
    """The multipart or JSON envelope can't be read."""

    code = "malformed_body"


class InvalidTopK(RequestError):
    """`top_k` is not a positive integer."""

    code = "invalid_top_k"


class InvalidFormat(RequestError):
    """An explanation can't be given in this form."""

    code = "invalid_format"


class UnknownClass(RequestError):
    """The class to explain is none of the model's."""

    code = "unknown_class"


class UnreadableImage(RequestError):
    """The format is known but the bytes are damaged or incomplete."""

    code = "unreadable_image"


class TruncatedImage(UnreadableImage):
    """The bytes end before the image does."""

    code = "truncated_image"


class NoPixels(UnreadableImage):
    """The header names a side of 0 pixels."""

    code = "no_pixels"


class InconsistentImage(UnreadableImage):
    """The header contradicts itself."""

    code = "inconsistent_image"


class ImageTooLarge(RequestError):
    """The headers of a request's images name more pixels than are allowed."""

    status = 413
    code = "image_too_large"


class DecompressionBomb(RequestError):
    """A part of the image unpacks to far more than its pixels need."""

    status = 413
    code = "decompression_bomb"


class UnsupportedFormat(RequestError):
    """The bytes are no image of an allowed format."""

    status = 415
    code = "unsupported_format"


class EncodedBody(RequestError):
    """The body is compressed as a whole."""

    status = 415
    code = "encoded_body"


class TooManyInstances(RequestError):
    """One JSON body carries more images than are allowed."""

    status = 422
    code = "too_many_instances"


class DecodingTooSlow(RequestError):
    """Decoding the images took more of a processor than one request may have."""

    status = 422
    code = "decoding_too_slow"


class InternalError(RequestError):
    """Handling the request failed in a way that nobody foresaw; the worker's log has the traceback."""

    status = 500
    code = "internal_error"


class DeadlineExceeded(RequestError):
    """Its caller was told already that there is no answer in time; to work on it would delay those who wait."""

    status = 504
    code = "deadline_exceeded"


class NoExplanations(RequestError):
    """This archive can predict but not explain: its network's head is no function of the last feature map."""

    status = 501
    code = "no_explanations"


class OutOfMemory(RequestError):
    """There was not enough memory for this request beside the others."""

    status = 503
    code = "out_of_memory"


class ArchiveError(RuntimeError):
    """The archive's content is not what its `model.json` says."""


class DigestError(ArchiveError):
    """A file does not have its digest; a metric counts these."""
