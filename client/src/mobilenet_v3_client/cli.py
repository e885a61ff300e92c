"""The command mobilenet-v3: what is in images, and whether the server is ready."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mobilenet_v3_client import batch
from mobilenet_v3_client.asking import Options
from mobilenet_v3_client.client import DEFAULT_URL, Client
from mobilenet_v3_client.errors import MobileNetV3Error, Unauthorized
from mobilenet_v3_client.output import FORMATS
from mobilenet_v3_client.retries import Retries

_BROKEN_PIPE = 141
_INTERRUPTED = 130


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    0 all is well; 1 something has no answer; 2 wrong usage; 130 interrupted; 141 nobody reads what is printed.
    """
    arguments = _parser().parse_args(words)
    try:
        status = _run(arguments)
        sys.stdout.flush()
    except MobileNetV3Error as error:
        hint = " Set API_KEY in the environment to <name>.<secret>." if isinstance(error, Unauthorized) else ""
        print(f"error: {error}{hint}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Python would say at its end that it could not flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


def _run(arguments: argparse.Namespace) -> int:
    with _client(arguments) as client:
        if arguments.verb == "health":
            health = client.health()
            print(health.status)
            return 0 if health.ready else 1
        if arguments.verb == "explain":
            image = sys.stdin.buffer if arguments.image == "-" else arguments.image
            png = client.explain(image, class_=arguments.class_, version=arguments.version, user=arguments.user)
            return _written(Path(arguments.out), png)
        return batch.predict(
            client,
            arguments.images,
            FORMATS[arguments.format],
            concurrency=arguments.concurrency,
            version=arguments.version,
            user=arguments.user,
            top_k=arguments.top_k,
        )


def _client(arguments: argparse.Namespace) -> Client:
    try:
        return Client(
            arguments.url,
            arguments.model,
            timeout_s=arguments.timeout,
            deadline_s=arguments.deadline,
            retries=Retries(tries=arguments.tries),
            verify=arguments.ca or True,
            certificate=arguments.certificate,
        )
    except ValueError as error:
        _parser().error(str(error))


def _written(path: Path, content: bytes) -> int:
    try:
        path.write_bytes(content)
    except OSError as error:
        print(f"error: {path}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mobilenet-v3", description=__doc__, epilog="A key is taken from API_KEY in the environment."
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="predict | explain | health")
    server = _server()
    about = argparse.ArgumentParser(add_help=False)
    about.add_argument("--version", help="asked, whatever the split says")
    about.add_argument("--user", type=_user, help="any text; the same one always meets the same version")
    predict = verbs.add_parser("predict", parents=[server, about], help="what the model sees in images")
    predict.add_argument("images", nargs="+", metavar="FILE|FOLDER|-", help="- is an image on standard input")
    predict.add_argument("--top-k", type=_positive, help="classes that jsonl names of each image")
    predict.add_argument("--concurrency", type=_positive, default=8, help="questions under way at once (%(default)s)")
    predict.add_argument("--format", choices=FORMATS, default="table", help="of what is printed (%(default)s)")
    explain = verbs.add_parser("explain", parents=[server, about], help="where in an image the evidence lies")
    explain.add_argument("image", metavar="FILE|-")
    explain.add_argument("--out", required=True, metavar="PNG", help="the file to write")
    explain.add_argument("--class", dest="class_", help="label or index (the most probable one)")
    verbs.add_parser("health", parents=[server], help="whether the server answers predictions")
    return parser


def _server() -> argparse.ArgumentParser:
    server = argparse.ArgumentParser(add_help=False)
    url = os.environ.get("MOBILENET_V3_URL", DEFAULT_URL)
    server.add_argument("--url", default=url, help="of the edge (MOBILENET_V3_URL, else %(default)s)")
    server.add_argument("--model", default="mobilenet_v3", help="the name it is served under (%(default)s)")
    server.add_argument("--timeout", type=_seconds, default=35.0, metavar="S", help="of one try (%(default)g)")
    server.add_argument(
        "--deadline", type=_seconds, default=60.0, metavar="S", help="of an image, with all tries (%(default)g)"
    )
    server.add_argument("--tries", type=_positive, default=5, help="of an image in all (%(default)s)")
    trusted = server.add_mutually_exclusive_group()
    trusted.add_argument("--ca", metavar="FILE", help="certificates of who may vouch for the server")
    trusted.add_argument("--certificate", metavar="FILE", help="the server's own, trusted whatever its name")
    return server


def _user(word: str) -> str:
    try:
        Options(user=word)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return word


def _positive(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word}: a whole number from 1 on is wanted")
    return int(word)


def _seconds(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = float("nan")
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{word}: a number of seconds is wanted")
    return number


if __name__ == "__main__":
    sys.exit(main())
