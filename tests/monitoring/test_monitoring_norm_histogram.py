import json

import lightning
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from thinshell.monitoring import GaussianityCallback, GaussianityMonitor, measure
from thinshell.monitoring.norm_histogram import norm_histogram
from thinshell.training.table_log import TableLog

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:.*The number of training batches", "ignore:.*LeafSpec:FutureWarning"
)


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.encoder = torch.nn.Linear(8, 4)

    def training_step(self, batch, index):
        return self.encoder(batch[0]).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture
def rows():
    return np.random.default_rng(0).laplace(size=(700, 8)).astype(np.float32)


def test_counts_are_those_of_numpy(rows):
    norms = np.linalg.norm(rows.astype(np.float64), axis=1)
    found = norm_histogram(rows)
    counts, edges = np.histogram(norms, bins=30)
    np.testing.assert_allclose(found["edges"], edges, rtol=1e-12)
    assert found["counts"] == counts.tolist()
    assert sum(found["counts"]) == 700
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_rows_that_do_not_count(rows):
    whole = norm_histogram(rows)
    broken = np.concatenate([rows, np.full((3, 8), np.inf, np.float32), np.full((2, 8), np.nan, np.float32)])
    assert norm_histogram(broken) == whole
    assert norm_histogram(rows[:7]) is None
    assert norm_histogram(broken[-5:]) is None
    level = norm_histogram(np.ones((20, 4)))
    assert (level["edges"][0], level["edges"][-1], level["counts"][0]) == (2.0, 3.0, 20)


def test_raw_records_have_one_and_normalised_ones_none(rows):
    weights = np.random.default_rng(1).standard_normal((8, 5)).astype(np.float32)
    monitor = GaussianityMonitor(rows, samples_per_test=100, repeats=2, batch_size=64)
    for epoch in range(2):
        scale = np.float32(epoch + 1)
        raw, unit = monitor(lambda batch, scale=scale: scale * (batch @ weights), epoch)
        norms = np.linalg.norm((scale * (rows @ weights)).astype(np.float64), axis=1)
        counts, edges = np.histogram(norms, bins=30)
        np.testing.assert_allclose(raw["norm_histogram"]["edges"], edges, rtol=1e-5)
        assert np.abs(np.subtract(raw["norm_histogram"]["counts"], counts)).sum() <= 2  # products of blocks may differ
        assert unit["norm_histogram"] is None
    collapsed, _ = monitor(lambda batch: np.full((len(batch), 3), np.nan), epoch=2)
    assert collapsed["norm_histogram"] is None
    assert json.loads(json.dumps(monitor.records, allow_nan=False)) == monitor.records


def test_measure_stays_a_dictionary_of_floats(rows):
    assert {type(value) for value in measure(rows).values()} == {float}


def test_logs_hold_numbers_only_and_states_survive_json(rows, tmp_path):
    inputs = torch.from_numpy(rows)
    callback = GaussianityCallback(inputs, samples_per_test=100, repeats=2)
    log = TableLog(tmp_path)
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", callbacks=[callback], logger=log, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(Module(), DataLoader(TensorDataset(inputs), batch_size=350))
    assert all(record["norm_histogram"] for record in callback.records if record["normalize"] == "none")
    for row in map(json.loads, (tmp_path / "metrics.jsonl").read_text().splitlines()):
        assert all(isinstance(value, int | float) for value in row.values())
        assert not any("histogram" in name for name in row)
    assert "histogram" not in (tmp_path / "metrics.csv").read_text()
    resumed = GaussianityCallback(inputs, samples_per_test=100, repeats=2)
    resumed.load_state_dict(json.loads(json.dumps(callback.state_dict(), allow_nan=False)))
    assert resumed.records == callback.records
