"""Small models of the real architectures, randomly initialised and saved in the real formats."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    CLIPConfig,
    CLIPModel,
    Dinov2Config,
    Dinov2Model,
    PreTrainedTokenizerFast,
    ResNetConfig,
    ResNetModel,
    ViTConfig,
    ViTModel,
)
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING

from thinshell.pretrained.quiet import quiet_transformers

WORDS = (
    *("the", "a", "cat", "dog", "bird", "sits", "runs", "flies", "on", "under", "over"),
    *("red", "blue", "green", "mat", "tree", "river", "never"),
)
BLOCKS = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64}


def tokenizer(folder, *, begin, end, pad, max_length):
    """Write a real fast tokenizer of whole words, with a token before and after each text."""
    vocabulary = {word: i for i, word in enumerate([pad, begin, end, "[UNK]", *WORDS])}
    fast = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    fast.pre_tokenizer = pre_tokenizers.Whitespace()
    fast.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}", special_tokens=[(begin, vocabulary[begin]), (end, vocabulary[end])]
    )
    names = ["input_ids", "attention_mask"]
    PreTrainedTokenizerFast(
        tokenizer_object=fast, unk_token="[UNK]", pad_token=pad, bos_token=begin, eos_token=end,
        model_max_length=max_length, model_input_names=names,
    ).save_pretrained(folder)  # fmt: skip


def image_processor(config, folder, **settings):
    """Write the preprocessing file of a model's own kind of processor."""
    kinds = IMAGE_PROCESSOR_MAPPING[config]
    kind = kinds["pil"] if isinstance(kinds, dict) else kinds[0]
    kind(**settings).save_pretrained(folder)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Folders of tiny models by name."""
    root = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    with quiet_transformers():
        return {name: make(root / name) for name, make in MAKERS.items()}


def make_clip(folder):
    """Two towers of different widths that meet in 24 numbers."""
    text = {
        **BLOCKS,
        "vocab_size": 4 + len(WORDS),
        "max_position_embeddings": 12,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    vision = {**BLOCKS, "hidden_size": 40, "image_size": 32, "patch_size": 8}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)
    CLIPModel(config).save_pretrained(folder)
    image_processor(CLIPConfig, folder, size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    tokenizer(folder, begin="<s>", end="</s>", pad="<pad>", max_length=12)
    return folder


def make_vit(folder):
    """As DINO's weights are: without a pooler."""
    ViTModel(ViTConfig(**BLOCKS, image_size=32, patch_size=8), add_pooling_layer=False).save_pretrained(folder)
    image_processor(ViTConfig, folder, size={"height": 32, "width": 32})
    return folder


def make_dinov2(folder):
    config = Dinov2Config(**{k: v for k, v in BLOCKS.items() if k != "intermediate_size"}, image_size=32, patch_size=8)
    Dinov2Model(config).save_pretrained(folder)
    image_processor(Dinov2Config, folder, size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32})
    return folder


def make_resnet(folder):
    network = ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])).eval()
    # Statistics as training leaves them: fresh ones divide by one.
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    network.save_pretrained(folder)
    image_processor(ResNetConfig, folder, size={"shortest_edge": 32})
    return folder


def make_bert(folder):
    BertModel(BertConfig(**BLOCKS, vocab_size=4 + len(WORDS), max_position_embeddings=16)).save_pretrained(folder)
    tokenizer(folder, begin="[CLS]", end="[SEP]", pad="[PAD]", max_length=16)
    return folder


def make_sentence(folder):
    """What sentence-transformers writes: BERT, mean pooling, a dense layer, normalisation."""
    make_bert(folder)
    kinds = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Dense", "2_Dense"), ("Normalize", "3_Normalize")]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(kinds)
    ]
    for _, path in kinds[1:]:
        (folder / path).mkdir()
    dense = torch.nn.Linear(32, 12)
    torch.save({f"linear.{k}": v for k, v in dense.state_dict().items()}, folder / "2_Dense" / "pytorch_model.bin")
    files = {
        "modules.json": modules,
        "sentence_bert_config.json": {"max_seq_length": 10, "do_lower_case": True},
        "1_Pooling/config.json": {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True},
        "2_Dense/config.json": {
            "in_features": 32, "out_features": 12, "bias": True,
            "activation_function": "torch.nn.modules.activation.Tanh",
        },
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    return folder


MAKERS = {
    "clip": make_clip,
    "vit": make_vit,
    "dinov2": make_dinov2,
    "resnet": make_resnet,
    "bert": make_bert,
    "sentence": make_sentence,
}


@pytest.fixture(scope="session")
def pictures():
    """Five RGB pictures of different sizes."""
    rng = np.random.default_rng(0)
    sizes = [(32, 32), (50, 70), (64, 40), (33, 90), (128, 128)]
    return [Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in sizes]


@pytest.fixture(scope="session")
def texts():
    """Texts of different lengths, one beyond every model's limit."""
    return ["the cat sits on the mat", "a dog", "never", "The Bird flies " * 9, "red blue unknownword green"]
