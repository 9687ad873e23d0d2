"""What a name stands for, and the hub without a network."""

from types import SimpleNamespace

import pytest

from thinshell.errors import InputError
from thinshell.pretrained import load_pretrained
from thinshell.pretrained.hub import hub_folder
from thinshell.pretrained.names import parse_model_name


@pytest.mark.parametrize(
    ("model", "library", "name", "revision"),
    [
        ("facebook/dino-vitb16", "hf", "facebook/dino-vitb16", None),
        ("hf:facebook/dino-vitb16@abc123", "hf", "facebook/dino-vitb16", "abc123"),
        ("bert-base-uncased", "hf", "bert-base-uncased", None),
        ("st:all-MiniLM-L6-v2", "sentence-transformers", "all-MiniLM-L6-v2", None),
        ("timm:densenet121.ra_in1k", "timm", "densenet121.ra_in1k", None),
        ("open_clip:ViT-B-32/laion2b_s34b_b79k", "open_clip", "ViT-B-32/laion2b_s34b_b79k", None),
        ("python:my.module:function", "python", "my.module:function", None),
    ],
)
def test_names(model, library, name, revision):
    parsed = parse_model_name(model)
    assert (parsed.library, parsed.name, parsed.revision, parsed.path) == (library, name, revision, None)


def test_folders_tell_by_their_files(tiny):
    assert parse_model_name(str(tiny["clip"])).library == "hf"
    assert parse_model_name(str(tiny["sentence"])).library == "sentence-transformers"
    assert parse_model_name(f"hf:{tiny['sentence']}").library == "hf"


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("", "must be a name"),
        ("nolibrary:something", "must be one of"),
        ("two words/and more", "neither"),
        ("./not-there", "is not there"),
        ("onnx:not-there.onnx", "is not there"),
        ("weights.pt", "is not there"),
    ],
)
def test_what_is_no_name(model, words):
    with pytest.raises(InputError, match=words):
        parse_model_name(model)


def test_files_and_folders_that_are_no_model(tmp_path):
    with pytest.raises(InputError, match="holds no model"):
        parse_model_name(str(tmp_path))
    (tmp_path / "rows.bin").touch()
    with pytest.raises(InputError, match="no model file"):
        parse_model_name(str(tmp_path / "rows.bin"))


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """A hub cache with nothing in it."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_offline_says_what_is_missing(empty_cache):
    with pytest.raises(
        InputError, match="--offline keeps from fetching it; fetch it where there is a network with `hf download a/b`"
    ):
        load_pretrained("a/b", "image", offline=True)


def test_an_unknown_model_and_no_network(empty_cache, monkeypatch):
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    response = SimpleNamespace(headers={}, request=None, status_code=404)
    for error, words in (
        (RepositoryNotFoundError("404", response=response), "is not on the Hugging Face hub"),
        (GatedRepoError("403", response=response), "accepted its terms"),
        (ConnectionError("[Errno -2] Name or service not known"), "hub cannot be reached .*not known"),
    ):

        def refuse(*_, error=error, **__):
            raise error

        monkeypatch.setattr(HfApi, "model_info", refuse)
        with pytest.raises(InputError, match=words):
            hub_folder("a/b", None, offline=False)


def test_what_was_downloaded_before_is_taken_without_asking(tiny, empty_cache, monkeypatch):
    from huggingface_hub import HfApi

    commit = "0" * 40
    folder = empty_cache / "models--owner--tiny"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "snapshots").mkdir()
    (folder / "snapshots" / commit).symlink_to(tiny["vit"])
    monkeypatch.setattr(HfApi, "model_info", lambda *_, **__: pytest.fail("the network was asked"))
    encoder = load_pretrained("owner/tiny", "image")
    assert encoder.facts["model"] == "hf:owner/tiny"
    assert encoder.facts["weights"] == load_pretrained(tiny["vit"], "image").facts["weights"]
