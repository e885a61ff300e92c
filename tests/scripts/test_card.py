import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts import card
from scripts.errors import UserError
from scripts.pipeline import served
from scripts.pipeline.card import evidence
from scripts.pipeline.spec import MODELS, Spec
from tests.conftest import MODEL_STORE
from tests.scripts.pipeline.card.test_evidence import FILES, as_measured


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, int8_archive: Path) -> Path:
    """A copy of the committed model without its card; 2.0 answers as its gate says, without being asked."""
    for model, names in (("elpv", FILES), ("elpv_teacher", ("spec.yaml",))):
        (tmp_path / model).mkdir()
        for name in names:
            shutil.copy(MODELS / model / name, tmp_path / model)
    monkeypatch.setattr(card, "MODELS", tmp_path)
    monkeypatch.setenv("MODEL_STORE", str(MODEL_STORE))
    spec = Spec.load(tmp_path / "elpv")
    _, metadata = evidence.read_archive(spec, MODEL_STORE, "2.0")
    monkeypatch.setattr(served, "by_archive", lambda *_: as_measured(metadata, spec))
    return tmp_path / "elpv"


def test_the_command_writes_card_evidence_and_wrong_images(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card.main(model="elpv")
    assert capsys.readouterr().out == f"{folder / 'README.md'}\n"
    assert {path.name for path in folder.iterdir()} - set(FILES) == {
        *("README.md", "evidence.json", "errors.csv", "errors.png")
    }
    assert "![The 12 most confidently wrong test images](errors.png)" in (folder / "README.md").read_text()
    assert len((folder / "errors.csv").read_text().splitlines()) == 1 + evidence.read(folder)["errors"]["wrong"]


def test_the_text_alone_takes_up_notes_and_asks_no_archive(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card.main(model="elpv", as_json=True)
    assert json.loads(capsys.readouterr().out) == evidence.read(folder)
    monkeypatch.setenv("MODEL_STORE", str(folder / "nowhere"))
    (folder / "notes.md").write_text("## Intended use\n\nTo be looked at.\n")
    card.main(model="elpv", text=True)
    assert "## Intended use\n\nTo be looked at.\n" in (folder / "README.md").read_text()


def test_what_somebody_wrote_by_hand_is_not_overwritten(folder: Path) -> None:
    (folder / "README.md").write_text("# Mine\n")
    with pytest.raises(UserError, match=r"README\.md: not written by `make card`"):
        card.main(model="elpv")
    assert (folder / "README.md").read_text() == "# Mine\n"


def test_a_model_without_labelled_images_has_no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card, "MODELS", MODELS)
    with pytest.raises(UserError, match="without labelled images there is nothing to measure"):
        card.main(model="imagenet")


def test_torchvisions_weights_are_evaluated_without_a_checkpoint(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "spec.yaml"
    path.write_text(path.read_text().replace("checkpoint: checkpoint.safetensors", "weights: IMAGENET1K_V1", 1))
    monkeypatch.setattr(card, "by_checkpoint", lambda _spec, checkpoint, _images: checkpoint)
    monkeypatch.setattr(card, "measure", lambda found, *_: SimpleNamespace(as_json=lambda: {"found": found}))
    said = card.evaluated(Spec.load(folder))
    assert (said["of"], said["found"]) == ("torchvision's mobilenet_v3_small, IMAGENET1K_V1", None)
    assert capsys.readouterr().err == f"asking {said['of']} …\n"
