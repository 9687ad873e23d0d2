"""Optimisers and learning-rate schedules."""

from __future__ import annotations

import math

import pytest
import torch

from thinshell.errors import InputError
from thinshell.training import learning_rate_factor, make_optimizer

WEIGHTS = [torch.nn.Parameter(torch.zeros(2))]


@pytest.mark.parametrize(("name", "kind"), [("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD")])
def test_optimisers_by_name(name: str, kind: str) -> None:
    optimizer = make_optimizer(name, WEIGHTS, 0.1, 0.01, momentum=0.5)
    assert type(optimizer).__name__ == kind
    assert (optimizer.defaults["lr"], optimizer.defaults["weight_decay"]) == (0.1, 0.01)
    if name == "sgd":
        assert optimizer.defaults["momentum"] == 0.5


def test_cosine_agrees_with_pytorch_s_after_the_warm_up() -> None:
    factor = learning_rate_factor("cosine", warmup_steps=5, total_steps=25)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    for step in range(20):
        assert factor(5 + step) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)
        optimizer.step()
        theirs.step()
    assert [factor(step) for step in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert factor(1000) == pytest.approx(0.0, abs=1e-12)


def test_constant_with_and_without_warm_up() -> None:
    assert {learning_rate_factor("constant")(step) for step in range(5)} == {1.0}
    assert [learning_rate_factor("constant", 2)(step) for step in range(4)] == [0.5, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: make_optimizer("adm", WEIGHTS, 0.1), "optimizer must be one of .* did you mean 'adam'"),
        (lambda: make_optimizer("adam", WEIGHTS, 0.0), "learning_rate must be a positive number, got 0.0"),
        (lambda: make_optimizer("adam", WEIGHTS, math.nan), "learning_rate must be a positive number, got nan"),
        (lambda: make_optimizer("adam", WEIGHTS, 0.1, -1.0), "weight_decay must be a number of at least 0, got -1.0"),
        (lambda: make_optimizer("sgd", WEIGHTS, 0.1, momentum=1.0), r"momentum must lie in \[0, 1\), got 1.0"),
        (lambda: learning_rate_factor("cosin"), "schedule must be one of .* did you mean 'cosine'"),
        (lambda: learning_rate_factor("constant", -1), "warmup_steps must be at least 0, got -1"),
        (lambda: learning_rate_factor("cosine", 5, 5), "more steps than its warm-up of 5, got 5"),
        (lambda: learning_rate_factor("cosine"), "more steps than its warm-up of 0, got None"),
    ],
)
def test_bad_values_are_told(call, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        call()
