"""TorchScript, ONNX, encoders that thinshell trained, functions; timm and open_clip by stand-ins of their interface."""

import shutil
import sys
import types

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from thinshell.errors import InputError
from thinshell.pretrained import load_pretrained

CPU = torch.device("cpu")


def rows_of(encoder, items):
    return encoder.encode(encoder.collate(encoder.examples(items)), CPU)


class Pooled(nn.Module):
    """A convolution and its mean, or its map."""

    def __init__(self, pooled: bool) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 6, 4, stride=4)
        self.pooled = pooled

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features = self.layer(pixels)
        return features.mean(dim=(2, 3)) if self.pooled else features


@pytest.fixture
def script(tiny, tmp_path):
    """A TorchScript file beside the preprocessing of a model."""

    def make(pooled=True, beside=True):
        if beside:
            shutil.copy(tiny["vit"] / "preprocessor_config.json", tmp_path)
        network = Pooled(pooled).eval()
        torch.jit.script(network).save(str(tmp_path / "network.pt"))
        return tmp_path / "network.pt", network

    return make


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("pooled", [True, False])
def test_torchscript(pooled, script, tiny, pictures):
    path, network = script(pooled)
    encoder = load_pretrained(path, "image")
    pixels = torch.stack(load_pretrained(tiny["vit"], "image").examples(pictures))
    expected = network(pixels) if pooled else network(pixels).mean(dim=(2, 3))
    torch.testing.assert_close(rows_of(encoder, pictures), expected, rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_torchscript_without_preprocessing_asks_for_it(script, tiny, pictures):
    path, _ = script(beside=False)
    with pytest.raises(InputError, match="--processor"):
        load_pretrained(path, "image")
    assert rows_of(load_pretrained(path, "image", processor=str(tiny["vit"])), pictures).shape == (5, 6)
    with pytest.raises(InputError, match="leave them out"):
        load_pretrained(path, "image", layer=1)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_weights_alone_are_no_network(tiny, tmp_path):
    shutil.copy(tiny["vit"] / "preprocessor_config.json", tmp_path)
    torch.save(Pooled(True).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(InputError, match=r"torch\.jit\.save"):
        load_pretrained(tmp_path / "weights.pt", "image")


def onnx_file(path, weights):
    """Mean over height and width, then a linear map."""
    matrix = helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel().tolist())
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3])
    nodes = [
        helper.make_node("ReduceMean", ["pixel_values", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["rows"]),
    ]
    graph = helper.make_graph(
        nodes, "network",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, "height", "width"])],
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", weights.shape[1]])],
        [matrix, axes],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)


def test_onnx(tiny, tmp_path, pictures):
    shutil.copy(tiny["vit"] / "preprocessor_config.json", tmp_path)
    weights = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    onnx_file(tmp_path / "network.onnx", weights)
    pixels = torch.stack(load_pretrained(tiny["vit"], "image").examples(pictures))
    expected = pixels.mean(dim=(2, 3)) @ torch.from_numpy(weights)
    encoder = load_pretrained(tmp_path / "network.onnx", "image")
    torch.testing.assert_close(rows_of(encoder, pictures), expected, rtol=0, atol=1e-5)
    assert encoder.facts["library"] == "onnx"
    (tmp_path / "damaged.onnx").write_bytes(b"no network at all")
    with pytest.raises(InputError, match="cannot be read as ONNX"):
        load_pretrained(tmp_path / "damaged.onnx", "image")


def test_an_encoder_that_thinshell_trained(tmp_path, pictures):
    from thinshell.training import create_encoder, save_encoder
    from thinshell.training.pixels import as_floats

    recipe = {"name": "linear", "n_inputs": 3 * 32 * 32, "n_features": 7}
    network = create_encoder(**recipe)
    save_encoder(network, tmp_path / "encoder.safetensors", recipe)
    encoder = load_pretrained(tmp_path, "image")
    pixels = torch.from_numpy(np.asarray(pictures[0]).transpose(2, 0, 1).copy())[None]
    torch.testing.assert_close(rows_of(encoder, pictures)[:1], network(as_floats(pixels)))
    assert encoder.facts["preprocessing"]["size"] == 32
    with pytest.raises(InputError, match="takes pictures"):
        load_pretrained(tmp_path, "text")


def test_an_encoder_of_rows_takes_no_pictures(tmp_path):
    from thinshell.training import create_encoder, save_encoder

    recipe = {"name": "linear", "n_inputs": 10, "n_features": 7}
    save_encoder(create_encoder(**recipe), tmp_path / "encoder.safetensors", recipe)
    with pytest.raises(InputError, match="rows of 10 numbers"):
        load_pretrained(tmp_path, "image")


def lengths(texts):
    return np.array([[len(text), text.count(" ") + 1.0] for text in texts])


def test_a_function(texts, monkeypatch):
    encoder = load_pretrained(lengths, "text", normalize=True)
    expected = lengths(texts) / np.linalg.norm(lengths(texts), axis=1, keepdims=True)
    np.testing.assert_allclose(rows_of(encoder, texts), expected, atol=1e-6)
    module = types.ModuleType("my_module")
    module.lengths, module.number = lengths, 3
    monkeypatch.setitem(sys.modules, "my_module", module)
    assert load_pretrained("python:my_module:lengths", "text").facts["model"] == "python:my_module:lengths"
    with pytest.raises(TypeError, match="must be a function"):
        load_pretrained("python:my_module:number", "text")
    for name in ("python:my_module", "python:my_module:nothing", "python:no_such_module:f"):
        with pytest.raises(InputError, match="python:"):
            load_pretrained(name, "text")


def test_a_function_that_returns_something_else(texts):
    encoder = load_pretrained(lambda texts: [1.0] * len(texts), "text")
    with pytest.raises(TypeError, match="one row an item"):
        rows_of(encoder, texts)


class Network(nn.Module):
    """What timm and open_clip give, in the parts that are used of it."""

    num_prefix_tokens = 1

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Linear(3, 4)

    def forward_features(self, pixels):
        return self.tokens(pixels.flatten(2).transpose(1, 2))

    def forward(self, pixels):
        return self.forward_features(pixels).mean(dim=1)

    def encode_image(self, pixels):
        return self(pixels)

    def encode_text(self, tokens):
        return self.tokens(tokens.float())


def tensor_of(picture):
    return torch.from_numpy(np.asarray(picture.resize((8, 8)), np.float32).transpose(2, 0, 1) / 255)


@pytest.fixture
def stand_ins(monkeypatch):
    """Modules with the functions that are called; the real ones need torchvision, which does not import here."""
    network = Network()
    timm = types.ModuleType("timm")
    timm.create_model = lambda name, pretrained, num_classes: network
    timm.data = types.SimpleNamespace(
        resolve_model_data_config=lambda model: {"input_size": (3, 8, 8)},
        create_transform=lambda input_size, is_training: tensor_of,
    )
    clip = types.ModuleType("open_clip")
    clip.create_model_and_transforms = lambda name, pretrained: (network, None, tensor_of)
    clip.get_tokenizer = lambda name: lambda texts: torch.tensor([[len(text), 1, 2] for text in texts])
    monkeypatch.setitem(sys.modules, "timm", timm)
    monkeypatch.setitem(sys.modules, "open_clip", clip)
    return network


def test_timm(stand_ins, pictures):
    pixels = torch.stack([tensor_of(picture) for picture in pictures])
    tokens = stand_ins.forward_features(pixels)
    for pooling, expected in (("auto", tokens.mean(1)), ("cls", tokens[:, 0]), ("mean", tokens[:, 1:].mean(1))):
        torch.testing.assert_close(
            rows_of(load_pretrained("timm:densenet121", "image", pooling=pooling), pictures), expected
        )
    with pytest.raises(InputError, match="no layer"):
        load_pretrained("timm:densenet121", "image", layer=2)
    with pytest.raises(InputError, match="takes pictures"):
        load_pretrained("timm:densenet121", "text")


def test_timm_is_kept_from_the_network(stand_ins, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    seen = []
    sys.modules["timm"].create_model = lambda *_, **__: (seen.append(constants.HF_HUB_OFFLINE), stand_ins)[1]
    for offline in (True, False):
        load_pretrained("timm:densenet121", "image", offline=offline)
    assert seen == [True, False]
    assert constants.HF_HUB_OFFLINE is False


def test_open_clip(stand_ins, pictures, texts):
    pixels = torch.stack([tensor_of(picture) for picture in pictures])
    name = "open_clip:ViT-B-32/laion2b_s34b_b79k"
    torch.testing.assert_close(rows_of(load_pretrained(name, "image"), pictures), stand_ins(pixels))
    assert rows_of(load_pretrained(name, "text", normalize=True), texts).norm(dim=1).allclose(torch.ones(5))
    with pytest.raises(InputError, match="names no weights"):
        load_pretrained("open_clip:ViT-B-32", "image")


@pytest.mark.parametrize("name", ["timm:densenet121", "open_clip:ViT-B-32/laion2b_s34b_b79k"])
def test_libraries_that_are_not_there(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name.partition(":")[0], None)
    with pytest.raises(InputError, match="pip install"):
        load_pretrained(name, "image")
