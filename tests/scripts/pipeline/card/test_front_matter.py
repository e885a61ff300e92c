import pytest

from scripts.pipeline.card.front_matter import license_keys
from scripts.pipeline.new_spec import Facts, spec_text
from scripts.pipeline.spec import MODELS, Spec
from scripts.pipeline.spec_data import Folder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CC BY-NC-SA 4.0, that of the training data: somebody's", "cc-by-nc-sa-4.0"),
        ("CC BY 4.0. See the data.", "cc-by-4.0"),
        ("Apache License 2.0", "apache-2.0"),
        ("MIT", "mit"),
        ("Mitigated by somebody", "other"),
        ("ours alone", "other"),
    ],
)
def test_a_licence_has_the_hubs_identifier(text, expected) -> None:
    assert license_keys(text)["license"] == expected


def test_another_licence_has_a_name_and_its_address_if_it_has_one() -> None:
    assert license_keys("Pets Inc. terms 1.0 (https://pets.example/terms)") == {
        "license": "other",
        "license_name": "pets-inc.-terms-1.0-https-pets.example-terms",
        "license_link": "https://pets.example/terms",
    }


def test_a_licence_that_a_new_spec_leaves_open_is_unknown() -> None:
    facts = Facts(
        "pets", Folder(source="folder", folder="x", split="s"), ["a", "b"], {"1": "train", "2": "test"}, 9, ""
    )
    line = next(line for line in spec_text(facts).splitlines() if line.startswith("license:"))
    assert license_keys(line.removeprefix("license:").strip(' "')) == {"license": "unknown"}


def test_the_committed_model_has_the_licence_of_its_images() -> None:
    assert license_keys(Spec.load(MODELS / "elpv").license) == {"license": "cc-by-nc-sa-4.0"}
