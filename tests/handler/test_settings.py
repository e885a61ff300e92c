import pytest

from handler.errors import ArchiveError
from handler.settings import Settings


def test_variables_without_the_prefix_are_none_of_our_business() -> None:
    assert Settings.from_environment({"PATH": "/bin"}) == Settings()


def test_variables_set_the_fields() -> None:
    settings = Settings.from_environment({"HANDLER_ARITHMETIC": "fp32", "HANDLER_THREADS": "2"})
    assert (settings.arithmetic, settings.threads) == ("fp32", 2)


def test_an_unknown_variable_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(ArchiveError, match="unknown key `thread`; did you mean `threads`"):
        Settings.from_environment({"HANDLER_THREAD": "2"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ARITHMETIC", "int4"),
        ("THREADS", "0"),
        ("MAX_MEGAPIXELS", "-1"),
        ("PREDICTION_LOG", "1.5"),
        ("PREDICTION_LOG", "yes"),
        ("PREDICTION_LOG", "nan"),
        ("HARVEST", "0.5"),
        ("HARVEST_MARGIN", "0"),
        ("HARVEST_MARGIN", "nan"),
        ("HARVEST_FILES", "1"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(ArchiveError, match=f"`{name.lower()}`.*{value}"):
        Settings.from_environment({f"HANDLER_{name}": value})


def test_under_a_stock_torchserve_there_is_no_prediction_log() -> None:
    assert Settings.from_environment({}).prediction_share == 0


@pytest.mark.parametrize(("value", "share"), [("off", 0.0), ("on", 1.0), ("0.1", 0.1)])
def test_a_prediction_log_has_a_share(value: str, share: float) -> None:
    variables = {"HANDLER_PREDICTION_LOG": value, "HANDLER_PREDICTION_LOG_FOLDER": "/somewhere"}
    assert Settings.from_environment(variables).prediction_share == share


@pytest.mark.parametrize("name", ["PREDICTION_LOG", "HARVEST"])
def test_what_is_written_without_a_folder_is_refused(name: str) -> None:
    with pytest.raises(ArchiveError, match=f"set HANDLER_{name}_FOLDER"):
        Settings.from_environment({f"HANDLER_{name}": "on"})
