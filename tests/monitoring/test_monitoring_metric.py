import io
import math
import pickle

import numpy as np
import pytest
import torch
from torchmetrics import MetricCollection

from thinshell.errors import InputError
from thinshell.monitoring import GaussianityMetric, measure


@pytest.fixture(scope="module")
def views():
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(1500, 6, generator=generator) ** 3
    return first, first + torch.randn(1500, 6, generator=generator)


def fed(views, parts=4, **options):
    metric = GaussianityMetric(**options)
    for first, second in zip(views[0].chunk(parts), views[1].chunk(parts), strict=True):
        metric.update(first, second)
    return metric


def plain(result):
    return {name: float(value) for name, value in result.items()}


def same(result, expected):
    assert plain(result) == pytest.approx(plain(expected), rel=1e-6, nan_ok=True)


@pytest.mark.parametrize("normalize", ["none", "l2"])
def test_batches_are_one_cloud(views, normalize):
    result = fed(views, parts=7, normalize=normalize, seed=5).compute()
    same(result, measure(*views, normalize=normalize, seed=5))
    assert {value.dtype for value in result.values()} == {torch.float32}


def test_forward_returns_the_batch_and_keeps_the_whole(views):
    metric = GaussianityMetric()
    for first, second in zip(views[0].chunk(3), views[1].chunk(3), strict=True):
        same(metric(first, second), measure(first, second))
    same(metric.compute(), measure(*views))
    metric.reset()
    metric.update(views[0][:300])
    same(metric.compute(), measure(views[0][:300]))


def test_forward_that_synchronises_on_step(views):
    metric = GaussianityMetric(dist_sync_on_step=True)
    for first, second in zip(views[0].chunk(3), views[1].chunk(3), strict=True):
        same(metric(first, second), measure(first, second))
    same(metric.compute(), measure(*views))


def test_copies_and_merges(views):
    metric = fed([view[:700] for view in views])
    rest = fed([view[700:] for view in views])
    before = metric.compute()
    for copy in (metric.clone(), pickle.loads(pickle.dumps(metric))):
        copy.merge_state(rest)
        same(copy.compute(), measure(*views))
        copy.update(views[0] + 1)
    same(rest.compute(), measure(*(view[700:] for view in views)))
    metric.merge_state(GaussianityMetric())
    same(metric.compute(), before)
    empty = GaussianityMetric()
    empty.merge_state(rest)
    empty.update(views[0][:700], views[1][:700])
    same(empty.compute(), measure(*views))


def test_state_dict_is_one_tensor(views):
    metric = fed(views, normalize="l2")
    assert not metric.state_dict()
    metric.persistent(True)
    stream = io.BytesIO()
    torch.save(torch.nn.ModuleDict({"metric": metric}).state_dict(), stream)
    stream.seek(0)
    state = torch.load(stream, weights_only=True)
    assert list(state) == ["metric._held"]
    assert state["metric._held"].dtype == torch.uint8
    other = torch.nn.ModuleDict({"metric": GaussianityMetric(normalize="l2").to("cpu").half()})
    other.load_state_dict(state)
    same(other["metric"].compute(), metric.compute())
    # Going on after loading normalises as before.
    for going_on in (metric, other["metric"]):
        going_on.update(3 * views[1])
    same(other["metric"].compute(), metric.compute())


def test_synchronised_and_back(views):
    away = fed([view[700:] for view in views])

    def gather(packed, group=None):
        return [packed, away._packed()]

    options = {"dist_sync_fn": gather, "distributed_available_fn": lambda: True}
    metric = GaussianityMetric(**options)
    metric.update(*(view[:400] for view in views))
    assert metric.compute()["n_samples"] == 1200
    # It goes on with its own rows.
    metric.update(*(view[400:700] for view in views))
    same(metric.compute(), measure(*views))
    metric.sync(gather)
    assert metric.metric_state["_held"].sketch.n_samples == 1500
    metric.unsync()
    assert metric.metric_state["_held"].sketch.n_samples == 700
    metric.reset()
    with pytest.warns(UserWarning, match="was called before the ``update`` method"):
        same(metric.compute(), away.compute())


def test_dtype_collection_and_logging_names(views):
    collection = MetricCollection({"raw": GaussianityMetric(), "unit": GaussianityMetric(normalize="l2")})
    collection.update(*views)
    collection.update(*views)
    result = collection.compute()
    assert result["raw_n_samples"] == result["unit_n_samples"] == 3000
    assert result["raw_norm_mean"] > result["unit_norm_mean"]
    double = fed(views).set_dtype(torch.float64)
    assert plain(double.compute()) == pytest.approx(measure(*views), rel=1e-12)
    assert double.to("cpu").compute()["cv"].dtype == torch.float64


def test_few_rows_say_nothing():
    metric = GaussianityMetric(compute_on_cpu=True)
    with pytest.warns(UserWarning, match="was called before the ``update`` method"):
        assert metric.compute()["n_samples"] == 0
    metric.update(torch.ones(3, 4), torch.ones(3, 4))
    result = plain(metric.compute())
    assert result["n_samples"] == 3
    assert result["alignment"] == 0.0
    assert math.isnan(result["ad_avg"])


def test_bad_input(views):
    metric = fed(views)
    with pytest.raises(InputError, match="block must have 6 columns like the rows before it, got 5"):
        metric.update(views[0][:, :5])
    with pytest.raises(InputError, match="normalize must be one of 'l2', 'none', got 'zscore'"):
        GaussianityMetric(normalize="zscore")
    with pytest.raises(InputError, match="repeats must be at least 1, got 0"):
        GaussianityMetric(repeats=0)
    with pytest.raises(InputError, match="NaN or infinity"):
        metric.update(torch.full((2, 6), np.nan))
