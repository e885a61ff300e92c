"""Many images at once: each its own outcome, in order, of which never more than a few are held."""

import itertools
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from mobilenet_v3_client import Client, InvalidImage, UnreadableSource
from mobilenet_v3_client.many import as_done, in_order
from tests.client.stub import Handler, Stub, answer, refuse


def test_a_bad_image_has_its_own_error_and_its_neighbours_their_answers(stub: Stub, client: Client) -> None:
    stub.then(answer(), refuse(400, "truncated_image"), answer())
    first, bad, missing, last = client.predict_many([b"a", b"b", "no-such-file.png", b"d"], concurrency=1)
    assert [outcome.index for outcome in (first, bad, missing, last)] == [0, 1, 2, 3]
    assert first.result().label == last.result().label == "defective"
    assert isinstance(bad.error, InvalidImage)
    assert bad.source == b"b"
    with pytest.raises(UnreadableSource, match=r"no-such-file\.png: No such file"):
        missing.result()
    assert len(stub.asked) == 3


def test_so_many_are_under_way_at_once_as_are_asked_for(stub: Stub, client: Client) -> None:
    all_here = threading.Barrier(4, timeout=30)

    def step(handler: Handler) -> None:
        all_here.wait()
        answer()(handler)

    stub.always = step
    assert [outcome.index for outcome in client.predict_many([b"x"] * 8, concurrency=4)] == list(range(8))
    assert not all_here.broken


def test_connections_stay_open_from_one_batch_to_the_next_until_they_are_closed(stub: Stub) -> None:
    with Client(stub.url) as client:
        for _ in range(3):
            list(client.predict_many([b"x"] * 8, concurrency=2))
    assert len({request.peer for request in stub.asked}) <= 2
    assert client.predict(b"after").label == "defective"
    assert stub.asked[-1].peer not in {request.peer for request in stub.asked[:-1]}


@pytest.mark.parametrize("run", [in_order, as_done])
def test_of_an_endless_iterator_only_a_few_are_taken_ahead(run: Callable[..., Generator[int]]) -> None:
    taken = itertools.count()
    results = run(lambda number: number, taken, 4)
    for _ in range(1000):
        next(results)
    results.close()
    assert next(taken) <= 1000 + 2 * 4


def test_results_come_in_the_order_of_the_items_whichever_is_done_first() -> None:
    last_is_done = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert last_is_done.wait(30)
        if number == 3:
            last_is_done.set()
        return number

    assert list(in_order(work, range(8), 2)) == list(range(8))


def test_unordered_a_slow_one_holds_nobody_back() -> None:
    rest_is_out = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert rest_is_out.wait(30)
        return number

    results = as_done(work, range(50), 2)
    assert sorted(itertools.islice(results, 49)) == list(range(1, 50))
    rest_is_out.set()
    assert list(results) == [0]


@pytest.mark.parametrize("run", [in_order, as_done])
def test_what_the_iterator_raises_comes_after_the_results_of_what_it_gave(run: Callable[..., Generator[int]]) -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise OSError("the camera is gone")

    results = run(lambda number: number, items(), 2)
    assert sorted(itertools.islice(results, 5)) == list(range(5))
    with pytest.raises(OSError, match="camera"):
        next(results)


def test_of_a_slow_iterator_what_is_done_is_given_out_before_all_places_are_taken() -> None:
    done = [threading.Event() for _ in range(16)]
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(16):
            taken.append(number)
            yield number
            assert done[number].wait(30)

    def work(number: int) -> int:
        done[number].set()
        return number

    results = in_order(work, items(), 8)
    assert next(results) == 0
    assert len(taken) < 16
    assert list(results) == list(range(1, 16))


def test_a_folder_is_gone_through_by_name_with_the_folders_in_it(stub: Stub, client: Client, tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", "sub/c.tiff", "notes.txt", ".hidden.png", ".cache/d.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
    outcomes = list(client.predict_folder(tmp_path, concurrency=2))
    assert [outcome.source.relative_to(tmp_path).as_posix() for outcome in outcomes] == ["a.jpg", "b.PNG", "sub/c.tiff"]
    assert sorted(request.body for request in stub.asked) == [b"a.jpg", b"b.PNG", b"sub/c.tiff"]


def test_a_folder_that_is_none_is_said_at_once(client: Client, tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match="No such file or directory"):
        client.predict_folder(tmp_path / "nothing")


def test_a_concurrency_of_none_is_refused_at_once(client: Client) -> None:
    with pytest.raises(ValueError, match="concurrency=0"):
        client.predict_many([b"x"], concurrency=0)
