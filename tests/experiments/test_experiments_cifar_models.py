from dataclasses import replace
from typing import Any

import pytest
import torch

from thinshell.errors import InputError
from thinshell.experiments.cifar_models import (
    CLASSIFIERS,
    UnitPixels,
    contrastive_recipe,
    mlp_recipe,
    supervised_recipe,
)
from thinshell.experiments.cifar_settings import MLPSettings, ResNetSettings, layer_words
from thinshell.training import create_encoder

SETTINGS = ResNetSettings(widths=(4, 8), blocks=(1, 1), n_features=12)


def weights(module: Any) -> dict[str, torch.Tensor]:
    return module.encoder.state_dict()


def test_both_columns_begin_with_the_same_weights_and_a_seed_moves_them() -> None:
    with_labels, _ = supervised_recipe(SETTINGS, seed=1)
    without, _ = contrastive_recipe(SETTINGS, seed=1)
    other, _ = contrastive_recipe(SETTINGS, seed=2)
    first, second = weights(with_labels()), weights(without())
    assert all(first[name].equal(second[name]) for name in first)
    assert not first["output.0.weight"].equal(weights(other())["output.0.weight"])


def test_a_recipe_makes_the_same_module_again() -> None:
    make, _ = supervised_recipe(SETTINGS, seed=0)
    first, second = make().state_dict(), make().state_dict()
    assert all(first[name].equal(second[name]) for name in first)


@pytest.mark.parametrize(("classifier", "n_outputs"), [("linear", 10), ("relu_linear", 10), ("none", 12)])
def test_classifiers(classifier: str, n_outputs: int) -> None:
    make, views = supervised_recipe(replace(SETTINGS, classifier=classifier, supervised_views="none"), seed=0)
    module = make()
    pictures = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    z = module.encoder(pictures)
    logits = module.head(z)
    assert views is None
    assert logits.shape == (6, n_outputs)
    if classifier == "relu_linear":
        assert logits.equal(module.head[1](z.clamp(min=0)))
    assert module.training_step(((pictures,), torch.arange(6)), 0).isfinite()


@pytest.mark.parametrize("projector", ["linear", "mlp"])
def test_labels_on_the_representation_leave_the_projector_as_it_began(projector: str) -> None:
    make, _ = supervised_recipe(replace(SETTINGS, classifier="representation", projector=projector), seed=0)
    module, began = make(), weights(make())
    contrastive = contrastive_recipe(replace(SETTINGS, projector=projector), seed=0)[0]()
    assert all(began[name].equal(other) for name, other in weights(contrastive).items())
    assert module.trunk is module.encoder.backbone
    assert module.head.in_features == module.encoder.backbone.n_features == 8
    pictures = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    optimizer = module.configure_optimizers()["optimizer"]
    for _ in range(3):
        optimizer.zero_grad()
        module.training_step(((pictures,), torch.arange(6)), 0).backward()
        optimizer.step()
    moved = {name for name, value in weights(module).items() if not value.equal(began[name])}
    assert moved == {name for name in began if name.startswith("backbone.")}


def test_labels_on_the_representation_are_learnt_through_the_compiled_backbone_alone() -> None:
    module = supervised_recipe(replace(SETTINGS, classifier="representation"), seed=0)[0]()
    compiled: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", lambda network, **_: compiled.append(network) or network)
        module.compile_encoder()
    assert compiled == [module.encoder.backbone]


def test_a_column_is_kept_by_what_it_depends_on() -> None:
    settings = replace(SETTINGS, epochs=7, supervised_epochs=9)
    without, labelled = settings.plain_of("contrastive"), settings.plain_of("supervised")
    assert (without["epochs"], labelled["epochs"]) == (7, 9)
    assert set(without) - set(labelled) == {"head"}
    assert set(labelled) - set(without) == {"classifier", "supervised_views"}


def test_the_layers_in_words_tell_what_acts_on_them() -> None:
    said = {name: layer_words(replace(SETTINGS, classifier=name))["projection"] for name in CLASSIFIERS}
    assert len(set(said.values())) == 3  # a ReLU before the classifier changes nothing in the words
    assert "leave this layer as it began" in said["representation"]
    assert "two linear layers" in layer_words(replace(SETTINGS, projector="mlp"))["projection"]


def test_the_head_of_the_contrastive_column() -> None:
    plain, _ = contrastive_recipe(SETTINGS, seed=0)
    headed, _ = contrastive_recipe(replace(SETTINGS, head="relu_linear"), seed=0)
    z = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    assert plain().head(z) is z
    assert headed().head(z).shape == (5, 12)


@pytest.mark.parametrize(
    ("projector", "kinds"),
    [
        ("linear", ["Linear"]),
        ("mlp", ["Linear", "ReLU", "Linear"]),
        ("linear_batchnorm", ["Linear", "BatchNorm1d"]),
        ("mlp_batchnorm", ["Linear", "BatchNorm1d", "ReLU", "Linear", "BatchNorm1d"]),
    ],
)
@pytest.mark.parametrize("recipe", [supervised_recipe, contrastive_recipe])
def test_projectors(recipe: Any, projector: str, kinds: list[str]) -> None:
    module = recipe(replace(SETTINGS, projector=projector), seed=0)[0]()
    assert [type(layer).__name__ for layer in module.encoder.output] == kinds
    z = module.encoder(torch.randn(64, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert z.shape == (64, 12)
    if projector.endswith("batchnorm"):  # in training: each coordinate has mean 0 and variance 1 over the batch
        torch.testing.assert_close(z.mean(dim=0), torch.zeros(12), atol=1e-5, rtol=0)
        assert z.var(dim=0, correction=0).sub(1).abs().max() < 0.1


def test_unit_pixels_are_the_bytes_over_255_whichever_way_they_come() -> None:
    from thinshell.training import as_floats

    pictures = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    encoder = UnitPixels(create_encoder("linear", n_inputs=3072, n_features=2))
    torch.testing.assert_close(encoder.unit(pictures), pictures / 255)
    torch.testing.assert_close(encoder.unit(as_floats(pictures)), pictures / 255)
    torch.testing.assert_close(encoder(pictures), encoder.encoder(pictures / 255))


def test_the_two_layer_network_is_the_same_for_both_pixels() -> None:
    normalized, _ = mlp_recipe(MLPSettings(n_hidden=8), seed=0)
    unit, _ = mlp_recipe(MLPSettings(n_hidden=8, pixels="unit"), seed=0)
    assert normalized().encoder.output.weight.equal(unit().encoder.encoder.output.weight)


@pytest.mark.parametrize(
    ("recipe", "settings", "words"),
    [
        (mlp_recipe, MLPSettings(pixels="units"), "pixels must be one of .*did you mean 'unit'"),
        (supervised_recipe, replace(SETTINGS, classifier="liner"), "classifier must be .*did you mean 'linear'"),
        (supervised_recipe, replace(SETTINGS, supervised_views="simcrl"), "views must be .*did you mean 'simclr'"),
        (contrastive_recipe, replace(SETTINGS, projector="mpl"), "projector must be .*did you mean 'mlp'"),
        (contrastive_recipe, replace(SETTINGS, head="relu_liner"), "head must be .*did you mean 'relu_linear'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(recipe: Any, settings: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        recipe(settings, 0)
