"""In a process of its own, with nothing in it but the client: its resident memory as images of an iterator go through.

Run by benchmarks.python_client with the server's address, the images, the bytes of each, and how many at once. Prints
`<images so far> <bytes>` from time to time.
"""

import sys

import psutil

from mobilenet_v3_client import Client

_MARKS = 5


def main(url: str, images: int, size: int, at_once: int) -> None:
    """Ask about each image, and print."""
    process = psutil.Process()
    with Client(url, "none") as client:
        for outcome in client.predict_many((bytes(size) for _ in range(images)), concurrency=at_once):
            outcome.result()
            so_far = outcome.index + 1
            if so_far % (images // _MARKS) == 0 or so_far == images // 100:
                print(so_far, process.memory_info().rss, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
