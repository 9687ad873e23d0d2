import json
import logging
import math

import numpy as np
import pytest
import torch

from thinshell.errors import InputError, InputTypeError
from thinshell.monitoring import GaussianityMonitor, cost, measure
from thinshell.statistics import alignment


@pytest.fixture
def inputs():
    return np.random.default_rng(0).laplace(size=(900, 20)).astype(np.float32)


def matching(record, numbers):
    for name, value in numbers.items():
        assert record[name] == (None if math.isnan(value) else pytest.approx(value, rel=1e-6)), name


def test_records_are_measurements(inputs):
    weights = np.random.default_rng(1).standard_normal((20, 6)).astype(np.float32)
    other = inputs + 0.5 * np.random.default_rng(2).standard_normal(inputs.shape).astype(np.float32)
    monitor = GaussianityMonitor(inputs, pair=other, samples_per_test=200, repeats=3, seed=4, batch_size=128)
    raw, unit = monitor(lambda batch: batch @ weights, epoch=3)
    assert (raw["epoch"], raw["layer"], raw["normalize"], raw["n_samples"]) == (3, "representation", "none", 900)
    assert unit["normalize"] == "l2"
    options = {"samples_per_test": 200, "repeats": 3, "seed": 4}
    matching(raw, measure(inputs @ weights, other @ weights, **options))
    # Directions are measured once, on the raw rows; so the rows whose pairs are compared are the same ones here.
    matching(unit, measure(inputs @ weights, other @ weights, normalize="l2", **options))
    assert json.loads(json.dumps(monitor.records, allow_nan=False)) == monitor.records == [raw, unit]


def test_rows_are_drawn_once_and_pairs_with_them(inputs):
    monitors = [
        GaussianityMonitor(inputs, pair=inputs[:, ::-1], max_samples=300, seed=seed, normalize=("none",))
        for seed in (0, 0, 1)
    ]
    first, same, other = (monitor(lambda batch: batch[:, :4], epoch=0)[0] for monitor in monitors)
    assert first == same
    assert first["n_samples"] == other["n_samples"] == 300
    assert first["norm_mean"] != other["norm_mean"]
    rows = monitors[0]._inputs
    assert first["alignment"] == pytest.approx(alignment(rows[:, :4], rows[:, ::-1][:, :4]), rel=1e-6)
    # Every row drawn is one of the inputs, none twice.
    assert len({row.tobytes() for row in rows} & {row.tobytes() for row in inputs}) == 300


def test_views_of_other_samples(inputs):
    views = (inputs[:50], inputs[50:100])
    record = GaussianityMonitor(inputs, pair=views, normalize=("none",))(lambda batch: batch, epoch=0)[0]
    assert record["alignment"] == pytest.approx(alignment(*views), rel=1e-6)
    assert record["n_samples"] == 900


def test_torch_modules_are_evaluated_and_left_as_they_were(inputs):
    encoder = torch.nn.Sequential(torch.nn.Linear(20, 5), torch.nn.BatchNorm1d(5), torch.nn.Dropout(0.5))
    encoder[1].eval()
    states = []
    encoder[2].register_forward_hook(
        lambda module, args, output: states.append((module.training, output.requires_grad))
    )
    monitor = GaussianityMonitor(torch.from_numpy(inputs))
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    assert monitor(encoder, epoch=0) == monitor(encoder, epoch=0)
    assert set(states) == {(False, False)}
    assert (encoder.training, encoder[1].training, encoder[2].training) == (True, False, True)
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_layers_by_name_and_epochs_replaced(inputs):
    monitor = GaussianityMonitor(inputs, normalize=("none",))
    for epoch in (0, 1, 1, 2):
        monitor(lambda batch, epoch=epoch: {"a": batch[:, :4], "b": batch + epoch}, epoch=epoch)
    assert [(record["epoch"], record["layer"]) for record in monitor.records] == [
        (epoch, layer) for epoch in (0, 1, 2) for layer in ("a", "b")
    ]
    assert [entry["epoch"] for entry in monitor.costs] == [0, 1, 2]


def test_broken_encoders_do_not_stop_the_watch(inputs):
    monitor = GaussianityMonitor(inputs, pair=inputs)
    bad = np.where(np.arange(len(inputs)) % 3 == 0, np.nan, 1.0)[:, None]

    def encode(batch):
        return batch * bad[:512][: len(batch)]

    with np.errstate(invalid="ignore"):
        raw, _ = monitor(encode, epoch=0)
    assert raw["n_samples"] == sum(int((~np.isnan(bad[: min(512, 900 - top)])).sum()) for top in (0, 512))
    assert raw["alignment"] == pytest.approx(0, abs=1e-9)
    collapsed, _ = monitor(lambda batch: np.zeros((len(batch), 3)), epoch=1)
    assert collapsed["norm_mean"] == 0.0
    assert collapsed["ad_avg"] is collapsed["cv"] is collapsed["uniformity"] is None
    lost, _ = monitor(lambda batch: np.full((len(batch), 3), np.inf), epoch=2)
    assert lost["n_samples"] == 0
    assert lost["norm_mean"] is None


def test_cost_is_measured_and_spoken_of_once(inputs, monkeypatch, caplog):
    clock = iter([0.0, 1.0, 1.0, 101.0, 102.0, 102.0, 112.0, 116.0, 116.0, 126.0, 127.0, 127.0])
    monkeypatch.setattr(cost.time, "perf_counter", lambda: next(clock))
    monitor = GaussianityMonitor(inputs)
    with caplog.at_level(logging.WARNING, "thinshell.monitoring"):
        monitor(lambda batch: batch, epoch=0)
        assert monitor.cost_share is None
        monitor(lambda batch: batch, epoch=1)
        assert monitor.cost_share == pytest.approx(0.01)
        assert not caplog.messages
        monitor(lambda batch: batch, epoch=2)
        monitor(lambda batch: batch, epoch=3)
    assert [entry["cost_share"] for entry in monitor.costs] == [None, *map(pytest.approx, (0.01, 0.4, 0.1))]
    # 5 s beside 110 s of training by then.
    assert caplog.messages == [
        "measuring Gaussianity takes 4.5 % of the time of training, more than 3 %: measure one time in 2 or take fewer "
        "rows than max_samples=900"
    ]


def test_a_dear_measurement_of_no_time_is_passed_over(inputs, monkeypatch, caplog):
    clock = iter([0.0, 0.1, 0.1, 0.2, 0.3, 0.3])
    monkeypatch.setattr(cost.time, "perf_counter", lambda: next(clock))
    monitor = GaussianityMonitor(inputs)
    for epoch in range(2):
        monitor(lambda batch: batch, epoch=epoch)
    assert monitor.cost_share == pytest.approx(1.0)
    assert not caplog.messages


def test_bad_input(inputs):
    with pytest.raises(InputTypeError, match="inputs must be an array or a tensor with one row a sample, got list"):
        GaussianityMonitor([[1.0]])
    with pytest.raises(InputError, match=r"normalize must be a tuple such as \('none', 'l2'\), got 'l2'"):
        GaussianityMonitor(inputs, normalize="l2")
    with pytest.raises(InputError, match="max_samples must be at least 8, got 3"):
        GaussianityMonitor(inputs, max_samples=3)
    with pytest.raises(InputError, match="batch_size must be at least 1, got 0"):
        GaussianityMonitor(inputs, batch_size=0)
    with pytest.raises(InputError, match="pair must hold the other view of each row, got 3 for 900 rows"):
        GaussianityMonitor(inputs, pair=inputs[:3])
    with pytest.raises(InputError, match="or a tuple of two views, got a tuple of 3"):
        GaussianityMonitor(inputs, pair=(inputs,) * 3)
    with pytest.raises(InputError, match=r"embeddings of layer 'representation' must have shape .* got shape \(512,\)"):
        GaussianityMonitor(inputs)(lambda batch: batch[:, 0], epoch=0)
