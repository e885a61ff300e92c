"""Every code that the server's README names has its own error, and the client's README says which."""

import re

import pytest

from mobilenet_v3_client import Overloaded, errors
from mobilenet_v3_client.refusals import BY_CODE, BY_STATUS
from scripts.describing.document import kinds
from scripts.serving.places import REPOSITORY

CLIENT = (REPOSITORY / "client" / "README.md").read_text()


def of_the_edge() -> dict[str, set[int]]:
    """Return the codes of the table that documents the server's answers, each with the statuses of its row."""
    documents = [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]
    [document] = [text for path in documents if "| status | codes |" in (text := path.read_text())]
    table = document[document.index("| status | codes |") :].split("\n\n")[0]
    codes: dict[str, set[int]] = {}
    for row in re.findall(r"^\| (\d[\d, ]*) \| (.*) \|$", table, flags=re.MULTILINE):
        for code in re.findall(r"`([a-z_]+)`", row[1]):
            codes[code] = {int(status) for status in row[0].split(",")}
    return codes


def of_the_handler() -> dict[str, set[int]]:
    """Return the codes of the handler's errors, each with its status."""
    return {kind.code: {int(kind.status)} for kind in kinds()}


def test_each_code_of_the_server_has_an_error() -> None:
    assert min(len(of_the_edge()), len(of_the_handler())) > 10
    assert (of_the_edge().keys() | of_the_handler().keys()) - set(BY_CODE) == set()


def test_a_status_whose_code_is_not_known_is_one_of_the_errors_of_its_row() -> None:
    known = [*of_the_edge().items(), *of_the_handler().items()]
    for status, kind in BY_STATUS.items():
        row = {BY_CODE[code] for code, statuses in known if status in statuses}
        assert not row or any(issubclass(each, kind) or issubclass(kind, each) for each in row)


def test_the_readmes_table_is_the_one_that_is_used() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", CLIENT, flags=re.MULTILINE)
    shown = {code: kind for kind, codes in rows for code in re.findall(r"`([a-z_]+)`", codes)}
    own = {kind.code: name for name, kind in vars(errors).items() if isinstance(kind, type) and "code" in vars(kind)}
    del own["error"]
    assert shown == {code: kind.__name__ for code, kind in BY_CODE.items()} | own


def test_the_tree_that_is_drawn_is_the_tree() -> None:
    parents: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if (found := re.match(r"([│├└─ ]*)([A-Z]\w+)  ", line)) is None:
            continue
        depth = len(found[1]) // 4
        parents[depth:] = [found[2]]
        kind = getattr(errors, found[2])
        assert kind.__base__.__name__ == (parents[depth - 1] if depth else "Exception")
    assert (
        len(re.findall("──", errors.__doc__ or ""))
        == len([kind for kind in vars(errors).values() if isinstance(kind, type)]) - 1
    )


def test_an_error_survives_the_way_between_processes() -> None:
    pickle = pytest.importorskip("pickle")
    error = Overloaded("full", code="overloaded", status=503, request_id="asked-1")
    error.retry_after_s = 1.0
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), vars(copy)) == (str(error), vars(error))
