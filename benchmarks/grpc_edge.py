"""What a request by gRPC costs the edge beside one by HTTP/1.1: processor time, and memory under large uploads.

Run as `python -m benchmarks.grpc_edge` (half a minute): a real Envoy with a bound of 128 MB, in front of a server that
answers at once. Processor time is the edge's own, so that what else runs here changes little.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import grpc
import psutil
import requests

from scripts.markdown import table
from scripts.serving.places import REPOSITORY
from tests.http_server import Answering
from tests.integration.lone_edge import LoneEdge, lone_edge
from tests.integration.server import MODEL

sys.path.insert(0, str(REPOSITORY / "client" / "examples"))
import inference_pb2 as pb2

RESULT = REPOSITORY / "benchmarks" / "results" / "grpc_edge.md"
METHOD = "/org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions"
BOUND_BYTES = 128_000_000
# Bytes of an image, and how many are sent one after the other.
SIZES = ((30_000, 1000), (1_000_000, 100), (15_900_000, 20))
AT_ONCE, UPLOADS = 24, 48
Ask = Callable[[bytes], bool]


class Upstream(Answering):
    """A TorchServe that looks at no image."""

    def do_GET(self) -> None:
        """Say that the worker is ready."""
        self.answer(b'{"status": "READY"}')

    def do_POST(self) -> None:
        """Answer a request."""
        self.body()
        self.answer()


def by_http(edge: LoneEdge, session: requests.Session, image: bytes) -> bool:
    """Return whether an image was answered."""
    return session.post(edge.url, data=image, headers={"content-type": "image/png"}, timeout=60).status_code == 200  # noqa: PLR2004


def by_grpc(channel: grpc.Channel, image: bytes) -> bool:
    """Return whether an image was answered."""
    ask = channel.unary_unary(METHOD, request_serializer=pb2.PredictionsRequest.SerializeToString)
    try:
        ask(pb2.PredictionsRequest(model_name=MODEL, input={"data": image}), timeout=60)
    except grpc.RpcError:
        return False
    return True


def processor_ms(edge: LoneEdge, ask: Ask, images: Sequence[bytes]) -> float:
    """Return the edge's processor time for an image."""
    before = sum(edge.process.cpu_times()[:2])
    for image in images:
        ask(image)
    return (sum(edge.process.cpu_times()[:2]) - before) / len(images) * 1000


@contextmanager
def peak(edge: LoneEdge) -> Iterator[list[int]]:
    """Give a list that ends with the edge's resident memory at the peak of a block, bytes."""
    seen, over = [0], threading.Event()

    def look() -> None:
        while not over.is_set():
            seen.append(max(seen[-1], edge.process.memory_info().rss))
            time.sleep(0.005)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def main() -> None:
    """Measure, print the report, and keep it."""
    with lone_edge(Upstream, max_memory_bytes=BOUND_BYTES) as edge:
        report = _report(_processor(edge), _memory(edge))
    RESULT.write_text(report)
    print(report)


def _processor(edge: LoneEdge) -> list[list[str]]:
    with requests.Session() as session, grpc.insecure_channel(f"127.0.0.1:{edge.ports.edge}") as channel:
        ways: list[Ask] = [partial(by_http, edge, session), partial(by_grpc, channel)]
        for ask in ways:
            ask(b"first")
        return [
            [f"{size:,}", *(f"{processor_ms(edge, ask, [bytes(size)] * count):.1f}" for ask in ways)]
            for size, count in SIZES
        ]


def _memory(edge: LoneEdge) -> list[list[str]]:
    address, own = f"127.0.0.1:{edge.ports.edge}", [("grpc.use_local_subchannel_pool", 1)]
    ways: dict[str, Callable[[], Ask]] = {
        "HTTP/1.1": lambda: partial(by_http, edge, requests.Session()),
        "gRPC": lambda: partial(by_grpc, grpc.insecure_channel(address, own)),
    }
    large, rows = bytes(SIZES[-1][0]), []
    for way, fresh in ways.items():
        with peak(edge) as seen, ThreadPoolExecutor(AT_ONCE) as pool:
            answered = sum(pool.map(lambda ask: ask(large), [fresh() for _ in range(UPLOADS)]))
        rows.append([way, f"{seen[-1] / 1e6:.0f}", f"{answered} of {UPLOADS}"])
    return rows


def _report(processor: list[list[str]], memory: list[list[str]]) -> str:
    return f"""# gRPC at the edge

Written by `python -m benchmarks.grpc_edge` on {psutil.cpu_count()} cores, client included: the edge's own processor
time and memory, in front of a server that answers at once.

Milliseconds of the processor for an image:

{table(["bytes of the image", "HTTP/1.1", "gRPC"], processor)}

{UPLOADS} uploads of {SIZES[-1][0]:,} bytes, {AT_ONCE} at once, with `edge.max_memory_bytes` at {BOUND_BYTES:,}:

{table(["by", "largest resident memory, MB", "answered"], memory)}
"""


if __name__ == "__main__":
    main()
