"""config.properties: what is read, and the one sentence that each mistake gets."""

import re
import zipfile
from pathlib import Path

import pytest
import ts

from scripts.errors import UserError
from scripts.serving import known_keys, properties, properties_edit, torchserve
from scripts.serving.places import REPOSITORY, Places
from scripts.serving.properties import VersionSettings

SHIPPED = REPOSITORY / "config.properties"


def written(folder: Path, text: str) -> Path:
    path = folder / "config.properties"
    path.write_text(text)
    return path


def test_the_shipped_file_is_read_whole() -> None:
    config = properties.read(SHIPPED, cores=1)
    assert config.ports() == properties.Ports()
    assert config.version("mobilenet_v3", "1.0") == VersionSettings()
    assert config.environment()["HANDLER_ARITHMETIC"] == "auto"
    assert config.environment()["HANDLER_THREADS"] == "1"


def test_workers_are_told_of_log_and_harvest_only_where_there_is_one(tmp_path: Path) -> None:
    """Archives of before there was one refuse settings that they do not know."""
    places = Places.from_environment({"RUN_DIR": "/somewhere"})

    def told(text: str) -> dict[str, str]:
        config = properties.read(written(tmp_path, text))
        found = torchserve.environment(config, torchserve.Folders(tmp_path), places, {})
        return {key: value for key, value in found.items() if "PREDICTION" in key or "HARVEST" in key}

    assert told("handler.prediction_log=off") == {}
    assert told("handler.prediction_log=0.5\nhandler.prediction_log_files=3") == {
        "HANDLER_PREDICTION_LOG": "0.5",
        "HANDLER_PREDICTION_LOG_BYTES": "50000000",
        "HANDLER_PREDICTION_LOG_FILES": "3",
        "HANDLER_PREDICTION_LOG_FOLDER": "/somewhere/predictions",
    }
    assert told("handler.harvest=off\nhandler.harvest_files=3") == {}
    assert told("handler.harvest=on\nhandler.harvest_margin=0.1") == {
        "HANDLER_HARVEST": "on",
        "HANDLER_HARVEST_MARGIN": "0.1",
        "HANDLER_HARVEST_FILES": "2000",
        "HANDLER_HARVEST_BYTES": "500000000",
        "HANDLER_HARVEST_FOLDER": "/somewhere/harvest",
    }


def test_a_version_without_an_entry_gets_the_documented_defaults(tmp_path: Path) -> None:
    config = properties.read(written(tmp_path, ""))
    settings = config.version("mobilenet_v3", "7.0").model_dump(by_alias=True)
    assert settings == {"batchSize": 8, "maxBatchDelay": 1, "minWorkers": 1, "maxWorkers": 1, "responseTimeout": 60}
    assert "gets 8, 1, 1, 1 and 60" in SHIPPED.read_text()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("job_queue_sise=100", "unknown key `job_queue_sise`; did you mean `job_queue_size`?"),
        ("handler.top=3", "`handler.`: unknown key `top`; did you mean `top_k`?"),
        ("handler.threads=0", "`threads`: Input should be greater than or equal to 1"),
        ("handler.arithmetic=int4", "`arithmetic`: Input should be 'auto', 'int8' or 'fp32'"),
        (
            "handler.prediction_log=sometimes",
            "`prediction_log`: off, on, or a share of the requests such as 0.1 (it is",
        ),
        ("handler.prediction_log_bytes=0", "`prediction_log_bytes`: Input should be greater than or equal to 1"),
        ("handler.prediction_log_folder=/tmp", "`handler.prediction_log_folder` can't be chosen: it is in RUN_DIR"),
        ("handler.harvest=yes", "`harvest`: Input should be 'off' or 'on'"),
        ("handler.harvest_margin=2", "`harvest_margin`: Input should be less than or equal to 1"),
        ("handler.harvest_file=9", "`handler.`: unknown key `harvest_file`; did you mean `harvest_files`?"),
        ("handler.harvest_folder=/tmp", "`handler.harvest_folder` can't be chosen: it is in RUN_DIR"),
        ("load_models=all", "`load_models` can't be chosen: versions are registered one by one"),
        ("model_store=elsewhere", "`model_store` can't be chosen: the MODEL_STORE variable says where it is"),
        ("disable_token_authorization=false", "`disable_token_authorization` can't be chosen"),
        ("vmargs=-Xmx1g", "`vmargs` would be ignored; set JAVA_TOOL_OPTIONS instead"),
        (
            "inference_address=http://0.0.0.0:8080",
            "`inference_address` is http://0.0.0.0:8080; TorchServe's ports",
        ),
        ("inference_address=8080", "`inference_address` is '8080'; write it as http://127.0.0.1:PORT."),
        ("grpc_inference_address=0.0.0.0", "`grpc_inference_address` is 0.0.0.0"),
        ("grpc_inference_port=seven", "`grpc_inference_port` is 'seven'; use a whole number."),
        ("max_request_size=6MB", "`max_request_size` is '6MB'; use a whole number."),
        ("metrics_config=nowhere.yaml", "`metrics_config`: there is no file nowhere.yaml"),
        ("metrics_mode=statsd", "`metrics_mode` is 'statsd'; use prometheus, log or legacy."),
        ("models={", "`models` is no JSON"),
        ("models=[]", "`models` must look like"),
        (
            'models={"m": {"1.0": {"batchsize": 8}}}',
            "m 1.0: unknown key `batchsize`; did you mean `batchSize`?",
        ),
        ('models={"m": {"1.0": {"batchSize": 0}}}', "`batchSize`: Input should be greater than or equal to 1"),
        ('models={"m": {"1.0": {"minWorkers": 2}}}', "minWorkers (2) is above maxWorkers (1)"),
        ('models={"m": {"1.0": {"maxWorkers": 3}}}', "m 1.0: 3 workers x 1 threads are more than the 2 cores here"),
        ("job_queue_size=1\njob_queue_size=2", "`job_queue_size` is there twice; keep one."),
    ],
)
def test_a_mistake_is_one_sentence_with_the_file_the_key_and_a_fix(tmp_path: Path, text: str, sentence: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UserError, match=re.escape(sentence)) as refused:
        properties.read(path, cores=2)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_named_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere: there is no such file; .* set CONFIG"):
        properties.read(tmp_path / "nowhere")


def test_a_fixed_key_may_be_written_with_its_fixed_value(tmp_path: Path) -> None:
    assert properties.read(written(tmp_path, "load_models=none\nenable_model_api=true"))


def test_the_known_keys_are_those_in_torchserves_jar() -> None:
    [jar] = (Path(ts.__file__).parent / "frontend").glob("model-server.jar")
    with zipfile.ZipFile(jar) as archive:
        constants = archive.read("org/pytorch/serve/util/ConfigManager.class").decode("latin-1")
    ours = known_keys.TORCHSERVE | known_keys.FIXED.keys() | {*known_keys.ADDRESSES, *known_keys.GRPC_ADDRESSES}
    assert {key for key in ours if key not in constants} == set()


def test_changing_workers_touches_nothing_else(tmp_path: Path) -> None:
    path = written(tmp_path, SHIPPED.read_text())
    text = properties_edit.with_workers(path, "mobilenet_v3", "2.0", 2)
    before = SHIPPED.read_text().splitlines()
    changed = [(old, new) for old, new in zip(before, text.splitlines(), strict=True) if old != new]
    assert len(changed) == 1
    assert '"2.0": {"minWorkers": 2, "maxWorkers": 2' in changed[0][1]
    path.write_text(text)
    assert properties_edit.with_workers(path, "mobilenet_v3", "2.0", 1) == SHIPPED.read_text()


@pytest.mark.parametrize("text", ["", "job_queue_size=9\n", 'models={"mobilenet_v3": {}}\n# the end\n'])
def test_a_version_without_an_entry_gets_one_when_it_is_scaled(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    path.write_text(properties_edit.with_workers(path, "mobilenet_v3", "3.0", 2))
    config = properties.read(path, cores=2)
    assert config.version("mobilenet_v3", "3.0").min_workers == 2
    assert set(text.splitlines()) - {'models={"mobilenet_v3": {}}'} <= set(path.read_text().splitlines())


def test_torchserves_own_queue_has_room_for_what_callers_gave_up(tmp_path: Path) -> None:
    config = properties.read(written(tmp_path, "job_queue_size=7\n"))
    assert config.requests_at_once == 7
    rendered = torchserve.render(config, config.ports(), Places.from_environment({}))
    assert "job_queue_size=14" in rendered.splitlines()
