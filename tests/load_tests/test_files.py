import json
from pathlib import Path

import pytest

from handler.request import Request
from handler.service import Service
from handler.settings import Settings
from load_tests import files
from scripts.pipeline.spec import MODELS


def test_broken_files_get_the_errors_that_the_load_test_expects(int8_folder: Path) -> None:
    service = Service.load(int8_folder, Settings())
    replies, _ = service.reply_all([Request({"body": item.body}, {}) for item in files.broken()])
    got = [(reply.status, json.loads(reply.body)["error"]["code"]) for reply in replies]
    assert got == [(item.status, item.code) for item in files.broken()]


@pytest.mark.parametrize(("model", "count"), [("elpv", files.IMAGES), ("imagenet", 16)])
def test_images_are_many_and_different(model: str, count: int) -> None:
    assert len(set(files.images(MODELS / model))) >= count
