"""Each architecture against calling transformers by hand."""

import json
import shutil

import pytest
import torch
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from thinshell.errors import InputError
from thinshell.pretrained import load_pretrained
from thinshell.pretrained.quiet import quiet_transformers

CPU = torch.device("cpu")


def ours(model, modality, items, **choices):
    encoder = load_pretrained(model, modality, **choices)
    return encoder.encode(encoder.collate(encoder.examples(items)), CPU), encoder


@pytest.fixture
def by_hand(tiny):
    """The model itself with its inputs, made by transformers alone."""

    def make(name, *, pictures=None, texts=None, max_length=None):
        with quiet_transformers():
            network = AutoModel.from_pretrained(tiny[name]).eval()
            if pictures is not None:
                processor = AutoImageProcessor.from_pretrained(tiny[name], backend="pil")
                rows = [processor(images=picture, return_tensors="pt")["pixel_values"] for picture in pictures]
                return network, {"pixel_values": torch.cat(rows)}
            tokens = AutoTokenizer.from_pretrained(tiny[name])
            return network, dict(
                tokens(texts, padding=True, truncation=True, max_length=max_length, return_tensors="pt")
            )

    return make


def close(rows, expected):
    torch.testing.assert_close(rows, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_clip_pictures_are_projected(tiny, pictures, by_hand):
    network, inputs = by_hand("clip", pictures=pictures)
    rows, encoder = ours(tiny["clip"], "image", pictures)
    close(rows, network.visual_projection(network.vision_model(**inputs).pooler_output))
    assert encoder.facts["pooling"] == "projection"
    assert encoder.facts["tower"] == "image"


@torch.no_grad()
def test_clip_texts_are_projected(tiny, texts, by_hand):
    network, inputs = by_hand("clip", texts=texts, max_length=12)
    rows, encoder = ours(tiny["clip"], "text", texts)
    close(rows, network.text_projection(network.text_model(**inputs).pooler_output))
    assert encoder.facts["preprocessing"]["max_length"] == 12


@torch.no_grad()
def test_clip_before_the_projection(tiny, pictures, texts, by_hand):
    network, inputs = by_hand("clip", pictures=pictures)
    close(ours(tiny["clip"], "image", pictures, pooling="pooler")[0], network.vision_model(**inputs).pooler_output)
    network, inputs = by_hand("clip", texts=texts, max_length=12)
    close(ours(tiny["clip"], "text", texts, pooling="pooler")[0], network.text_model(**inputs).pooler_output)


@pytest.mark.parametrize("name", ["vit", "dinov2"])
@torch.no_grad()
def test_vision_transformers(name, tiny, pictures, by_hand):
    network, inputs = by_hand(name, pictures=pictures)
    output = network(**inputs, output_hidden_states=True)
    close(ours(tiny[name], "image", pictures)[0], output.last_hidden_state[:, 0])
    close(ours(tiny[name], "image", pictures, pooling="mean")[0], output.last_hidden_state[:, 1:].mean(1))
    for layer in (0, 2, -1, -3):
        rows, encoder = ours(tiny[name], "image", pictures, layer=layer)
        close(rows, output.hidden_states[layer][:, 0])
        assert encoder.facts["layer"] == layer


@torch.no_grad()
def test_resnet(tiny, pictures, by_hand):
    network, inputs = by_hand("resnet", pictures=pictures)
    output = network(**inputs, output_hidden_states=True)
    rows, encoder = ours(tiny["resnet"], "image", pictures)
    close(rows, output.pooler_output.flatten(1))
    assert encoder.facts["pooling"] == "pooler"
    close(ours(tiny["resnet"], "image", pictures, layer=1)[0], output.hidden_states[1].mean(dim=(2, 3)))


@torch.no_grad()
def test_bert(tiny, texts, by_hand):
    network, inputs = by_hand("bert", texts=texts, max_length=16)
    output = network(**inputs, output_hidden_states=True)
    mask = inputs["attention_mask"][..., None]
    close(ours(tiny["bert"], "text", texts)[0], (output.last_hidden_state * mask).sum(1) / mask.sum(1))
    close(ours(tiny["bert"], "text", texts, pooling="cls")[0], output.last_hidden_state[:, 0])
    close(ours(tiny["bert"], "text", texts, pooling="pooler")[0], output.pooler_output)
    last = inputs["attention_mask"].sum(1) - 1
    close(ours(tiny["bert"], "text", texts, pooling="last")[0], output.last_hidden_state[range(len(texts)), last])
    close(ours(tiny["bert"], "text", texts, layer=1, pooling="cls")[0], output.hidden_states[1][:, 0])


@pytest.mark.parametrize(("name", "modality"), [("clip", "text"), ("bert", "text"), ("sentence", "text")])
def test_a_text_does_not_depend_on_its_batch(name, modality, tiny, texts):
    together, encoder = ours(tiny[name], modality, texts)
    alone = torch.cat([encoder.encode(encoder.collate(encoder.examples([text])), CPU) for text in texts])
    close(together, alone)


def test_rows_of_unit_length(tiny, pictures):
    rows, encoder = ours(tiny["vit"], "image", pictures, normalize=True)
    plain, _ = ours(tiny["vit"], "image", pictures)
    close(rows, plain / plain.norm(dim=1, keepdim=True))
    assert encoder.facts["normalized"] is True


def test_texts_that_are_cut_are_told(tiny, texts):
    encoder = load_pretrained(tiny["bert"], "text")
    assert [encoder.truncated(example) for example in encoder.examples(texts)] == [False, False, False, True, False]


def test_what_a_picture_becomes_is_the_processors(tiny, pictures):
    with quiet_transformers():
        processor = AutoImageProcessor.from_pretrained(tiny["clip"], backend="pil")
    encoder = load_pretrained(tiny["clip"], "image")
    for picture, example in zip(pictures, encoder.examples(pictures), strict=True):
        torch.testing.assert_close(
            example, processor(images=picture, return_tensors="pt")["pixel_values"][0], rtol=0, atol=0
        )
    assert encoder.facts["preprocessing"]["size"] == {"shortest_edge": 32}


def test_weights_that_were_saved_anew_are_read_anew(tiny, tmp_path, pictures):
    folder = shutil.copytree(tiny["vit"], tmp_path / "again")
    before = ours(folder, "image", pictures)[0]
    with quiet_transformers():
        network = AutoModel.from_pretrained(folder, add_pooling_layer=False)
        network.layernorm.bias.data += 1.0
        network.save_pretrained(folder)
    close(ours(folder, "image", pictures)[0], before + 1.0)


def test_weights_have_a_fingerprint(tiny, tmp_path):
    again = shutil.copytree(tiny["vit"], tmp_path / "again")
    other = shutil.copytree(tiny["vit"], tmp_path / "other")
    changed = json.loads((other / "preprocessor_config.json").read_text()) | {"do_normalize": False}
    (other / "preprocessor_config.json").write_text(json.dumps(changed))
    prints = [load_pretrained(folder, "image").facts["weights"] for folder in (tiny["vit"], again, other)]
    assert prints[0] == prints[1] != prints[2]


def refused(*args, **kwargs):
    with pytest.raises(InputError) as caught:
        load_pretrained(*args, **kwargs)
    return str(caught.value)


def test_weights_that_would_be_random_are_refused(tiny):
    assert "pooler.dense" in refused(tiny["vit"], "image", pooling="pooler")


def test_choices_that_do_not_fit(tiny):
    assert "projection" in refused(tiny["vit"], "image", pooling="projection")
    assert "takes pictures" in refused(tiny["vit"], "text")
    assert "takes texts" in refused(tiny["bert"], "image")
    assert "between 0" in refused(tiny["vit"], "image", layer=4)
    assert "last layer" in refused(tiny["bert"], "text", pooling="pooler", layer=1)
    assert "'mean'" in refused(tiny["vit"], "image", pooling="men")


def test_files_that_are_missing_or_damaged(tiny, tmp_path):
    bare = shutil.copytree(tiny["vit"], tmp_path / "bare")
    (bare / "preprocessor_config.json").unlink()
    assert "--processor" in refused(bare, "image")
    assert load_pretrained(bare, "image", processor=str(tiny["vit"])).modality == "image"
    wordless = shutil.copytree(tiny["bert"], tmp_path / "wordless")
    for file in wordless.glob("tokenizer*"):
        file.unlink()
    assert "tokenizer" in refused(wordless, "text")
    damaged = shutil.copytree(tiny["vit"], tmp_path / "damaged")
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "cannot be read" in refused(damaged, "image")
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "config.json").write_text('{"model_type": "nothing-like-it"}')
    assert "cannot be read" in refused(strange, "image")


def test_nothing_is_unpickled(tiny, tmp_path):
    evil = shutil.copytree(tiny["bert"], tmp_path / "evil")
    (evil / "model.safetensors").unlink()

    class Command:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    torch.save({"weights": Command()}, evil / "pytorch_model.bin")
    assert "cannot be read" in refused(evil, "text")
    assert not (tmp_path / "executed").exists()


def test_plain_pickled_weights_are_read_as_weights_only(tiny, tmp_path, texts):
    old = shutil.copytree(tiny["bert"], tmp_path / "old")
    with quiet_transformers():
        torch.save(AutoModel.from_pretrained(old).state_dict(), old / "pytorch_model.bin")
    (old / "model.safetensors").unlink()
    close(ours(old, "text", texts)[0], ours(tiny["bert"], "text", texts)[0])
