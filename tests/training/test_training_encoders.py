"""Encoders: shapes, parameter counts known from elsewhere, seeds."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from thinshell.errors import InputError, InputTypeError
from thinshell.training import create_encoder, embed, projection_head


def count(module: nn.Module) -> int:
    return sum(weights.numel() for weights in module.parameters())


@pytest.mark.parametrize(
    ("name", "n_parameters"),
    [
        # With a head of 10 classes: kuangliu/pytorch-cifar, the networks that CIFAR-10 results are quoted for.
        ("resnet18", 11_173_962),
        ("resnet34", 21_282_122),
    ],
)
def test_resnets_have_the_known_number_of_parameters(name: str, n_parameters: int) -> None:
    assert count(create_encoder(name, n_features=10)) == n_parameters
    assert count(create_encoder(name)) == n_parameters - 10 * 513


@pytest.mark.parametrize(
    ("name", "n_parameters"),
    [
        # With a head of 1,000 classes: num_params in the documentation of torchvision.
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
    ],
)
def test_resnets_for_large_pictures_have_the_known_number_of_parameters(name: str, n_parameters: int) -> None:
    assert count(create_encoder(name, n_features=1000, stem="imagenet")) == n_parameters


def test_the_stem_for_large_pictures_leaves_a_sixteenth_of_the_pixels() -> None:
    pictures = torch.zeros(2, 3, 32, 32)
    for stem, side in (("cifar", 32), ("imagenet", 8)):
        assert create_encoder("small_resnet", widths=(4,), blocks=(1,), stem=stem).stem(pictures).shape[2:] == (
            side,
            side,
        )


@pytest.mark.parametrize(
    ("normalization", "layer", "n_parameters"), [("batch", nn.BatchNorm2d, 4_800), ("group", nn.GroupNorm, 4_800)]
)
def test_every_convolution_is_followed_by_what_normalises_it(normalization, layer, n_parameters) -> None:
    encoder = create_encoder("resnet18", normalization=normalization)
    convolutions = [one for one in encoder.modules() if isinstance(one, nn.Conv2d)]
    norms = [one for one in encoder.modules() if isinstance(one, layer)]
    assert len(convolutions) == len(norms) == 20
    assert 2 * n_parameters == sum(count(one) for one in norms)
    assert count(create_encoder("resnet18", normalization="none")) == count(encoder) - 2 * n_parameters


def test_groups_have_sixteen_channels_and_normalise_each_picture_alone(pictures) -> None:
    encoder = create_encoder("small_resnet", widths=(8, 48), blocks=(1, 1), normalization="group")
    assert [one.num_groups for one in encoder.modules() if isinstance(one, nn.GroupNorm)] == [1, 1, 1, 3, 3, 3]
    together = encoder.train()(pictures[:4])
    assert torch.allclose(together, torch.cat([encoder(one[None]) for one in pictures[:4]]), atol=1e-5)


def test_without_normalisation_what_the_network_returns_grows_with_its_input() -> None:
    encoder = create_encoder("small_resnet", normalization="none")
    x = torch.randn(2, 3, 32, 32)
    assert torch.allclose(encoder(3 * x), 3 * encoder(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("option", ["stem", "normalization"])
def test_an_unknown_option_of_a_resnet_is_refused_before_anything_is_made(option) -> None:
    with pytest.raises(InputError, match=f"{option} must be one of .*got 3"):
        create_encoder("resnet34", **{option: 3})


def test_an_unknown_stem_names_the_nearest_one() -> None:
    with pytest.raises(InputError, match="got 'imagnet'; did you mean 'imagenet'"):
        create_encoder("resnet18", stem="imagnet")


def test_resnet20_by_widths_and_blocks() -> None:
    # He et al. (2016), Table 6, give .27 M for ResNet-20; with 1x1 projections where the width grows it has 272,474.
    encoder = create_encoder("small_resnet", n_features=10, widths=(16, 32, 64), blocks=(3, 3, 3))
    projections = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    assert count(encoder) == 269_722 + projections


@pytest.mark.parametrize(
    ("name", "options", "width"),
    [
        ("linear", {"n_inputs": 3072, "n_features": 5}, 5),
        ("linear", {"n_inputs": 3072, "n_features": 5, "bias": False}, 5),
        ("mlp", {"n_inputs": 3072, "n_features": 6, "n_hidden": 7}, 6),
        ("small_resnet", {}, 64),
        ("small_resnet", {"n_features": 9}, 9),
        ("resnet18", {"n_features": None}, 512),
    ],
)
def test_pictures_as_bytes_or_floats_become_features(name, options, width, pictures) -> None:
    encoder = create_encoder(name, **options).eval()
    assert encoder.n_features == width
    with torch.no_grad():
        h = encoder(pictures[:4])
    assert h.shape == (4, width)
    assert torch.isfinite(h).all()


def test_the_mlp_has_one_relu_between_two_layers() -> None:
    encoder = create_encoder("mlp", n_inputs=4, n_features=3, n_hidden=6)
    x = torch.randn(5, 4)
    hidden = torch.relu(x @ encoder.hidden.weight.T + encoder.hidden.bias)
    assert torch.allclose(encoder(x), hidden @ encoder.output.weight.T + encoder.output.bias, atol=1e-6)


def test_the_stem_keeps_the_picture_s_size() -> None:
    encoder = create_encoder("resnet18")
    assert encoder.stem(torch.zeros(1, 3, 32, 32)).shape == (1, 64, 32, 32)
    assert encoder.stages(encoder.stem(torch.zeros(1, 3, 32, 32))).shape == (1, 512, 4, 4)
    assert not any(isinstance(part, nn.MaxPool2d) for part in encoder.modules())


def test_the_small_resnet_is_ten_times_cheaper() -> None:
    def multiplications(name: str) -> int:
        total = 0

        def hook(layer: nn.Module, _: object, out: torch.Tensor) -> None:
            nonlocal total
            total += layer.weight.numel() * out.shape[-1] * out.shape[-2]  # type: ignore[operator, union-attr]

        encoder = create_encoder(name)
        for part in encoder.modules():
            if isinstance(part, nn.Conv2d):
                part.register_forward_hook(hook)
        encoder(torch.zeros(1, 3, 32, 32))
        return total

    assert multiplications("resnet18") > 10 * multiplications("small_resnet")


def test_the_seed_decides_and_the_global_generator_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (create_encoder("mlp", n_inputs=8, n_features=4, seed=seed) for seed in (0, 0, 1))
    assert torch.random.get_rng_state().equal(before)
    assert first.output.weight.equal(again.output.weight)
    assert not first.output.weight.equal(other.output.weight)
    head = projection_head(8, 4, 4, seed=0)
    assert head.n_features == 4
    assert not head[0].weight[:4].equal(first.hidden.weight[:4, :8])


def test_heads_have_the_layers_asked_for() -> None:
    assert [type(part).__name__ for part in projection_head(8, 4, 2, 1)] == ["Linear"]
    deep = projection_head(8, 4, 2, 3)
    assert [type(part).__name__ for part in deep] == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    assert deep(torch.zeros(3, 8)).shape == (3, 2)


def test_embedding_keeps_the_mode_and_does_not_depend_on_the_batch(pictures) -> None:
    encoder = create_encoder("small_resnet", widths=(4, 8), blocks=(1, 1))
    encoder.stem.eval()  # frozen by its owner
    whole = embed(encoder, pictures)
    parts = embed(encoder, pictures.numpy(), batch_size=7)
    assert encoder.training
    assert not encoder.stem.training
    assert whole.dtype.name == "float32"
    assert abs(whole - parts).max() < 1e-5


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: create_encoder("resnet81"), "did you mean 'resnet18'"),
        (lambda: create_encoder("linear", n_features=4), "n_inputs must be given for 'linear', got None"),
        (lambda: create_encoder("linear", n_inputs=4), "n_features must be given for 'linear', got None"),
        (lambda: create_encoder("mlp", n_inputs=4, n_features=0), "n_features must be at least 1, got 0"),
        (lambda: create_encoder("mlp", n_inputs=4, n_features=2, n_hiden=3), "n_hiden.*did you mean 'n_hidden'"),
        (lambda: create_encoder("small_resnet", widths=(4,)), "widths and blocks must be equally long, got 1 and 3"),
        (lambda: projection_head(4, 4, 0), "n_outputs must be at least 1, got 0"),
        (lambda: embed(nn.Identity(), torch.zeros(0, 3)), "inputs must have at least one row"),
        (lambda: embed(nn.Identity(), torch.zeros(2, 3), batch_size=0), "batch_size must be at least 1, got 0"),
    ],
)
def test_bad_values_are_told(call, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        call()


def test_widths_are_whole_numbers() -> None:
    with pytest.raises(InputTypeError, match="n_features must be a whole number, got float"):
        create_encoder("linear", n_inputs=4, n_features=2.5)  # type: ignore[arg-type]
