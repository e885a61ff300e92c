import pytest

from scripts import lock, locked

LOCK = """\
# A header.
flask==3.1.3 \\
    --hash=sha256:aa
    # via
    #   locust
    #   the-project (pyproject.toml)
jinja2==3.1.6 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via flask
locust==2.47.0 \\
    --hash=sha256:dd
    # via the-project (pyproject.toml)
markupsafe==3.0.4 \\
    --hash=sha256:ee
    # via jinja2
sympy==1.14.0 \\
    --hash=sha256:ff
    # via torch
"""


def names(text: str) -> list[str]:
    return [package.name for package in locked.packages(text)]


def test_a_part_holds_what_its_packages_need_and_what_that_needs() -> None:
    assert names(locked.part(LOCK, ["jinja2"])) == ["jinja2", "markupsafe"]
    assert names(locked.part(LOCK, ["locust"])) == ["flask", "jinja2", "locust", "markupsafe"]


def test_what_a_package_needs_is_there_though_the_package_itself_is_not_locked() -> None:
    assert names(locked.part(LOCK, ["torch==2.13.0"])) == ["sympy"]


def test_a_part_has_the_lines_of_the_whole_with_every_hash() -> None:
    assert locked.part(LOCK, ["markupsafe"]) in LOCK
    assert "--hash=sha256:bb \\\n    --hash=sha256:cc\n" in locked.part(LOCK, ["jinja2"])


@pytest.mark.parametrize(
    ("requirement", "name"),
    [("ruamel.yaml", "ruamel-yaml"), ("torch==2.13.0", "torch"), ("Typing_Extensions>=4", "typing-extensions")],
)
def test_names_are_written_in_one_way(requirement: str, name: str) -> None:
    assert locked.normal(requirement) == name


def test_every_line_of_the_committed_serving_lock_is_one_of_the_whole_lock() -> None:
    """Made again it is the same; so no version and no hash of what is served differs from what was tested."""
    text = lock.SERVE_LOCK.read_text()
    assert text == lock.serve_lock(lock.LOCK.read_text(encoding="utf-8")), "run `make lock`"
    whole = {package.name: package.text for package in locked.packages(lock.LOCK.read_text())}
    for package in locked.packages(text):
        assert package.text == whole[package.name]


def test_the_serving_lock_has_none_of_the_packages_for_training_load_tests_and_development() -> None:
    others = {"torchvision", "scikit-learn", "scipy", "matplotlib", "elpv-dataset", "onnx", "locust", "pytest", "mypy"}
    assert not others & set(names(lock.SERVE_LOCK.read_text()))
    assert others <= set(names(lock.LOCK.read_text()))
