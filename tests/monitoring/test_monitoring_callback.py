import json
import logging
import math

import lightning
import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, TensorDataset

from thinshell.errors import InputError, InputTypeError
from thinshell.monitoring import GaussianityCallback, measure

# Small data on two cores need no workers and nothing here is logged at every step; LeafSpec is Lightning's own use of a
# name that torch has since renamed.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:.*The number of training batches", "ignore:.*LeafSpec:FutureWarning"
)


class Module(lightning.LightningModule):
    def __init__(self, dtype=torch.float32):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.encoder = torch.nn.Sequential(torch.nn.Linear(16, 6, dtype=dtype), torch.nn.Dropout(0.1))
            self.head = torch.nn.Linear(6, 3, dtype=dtype)

    def training_step(self, batch, index):
        return self.head(self.encoder(batch[0].to(self.head.weight.dtype))).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture(scope="module")
def inputs():
    return torch.from_numpy(np.random.default_rng(0).laplace(size=(600, 16)).astype(np.float32))


def fit(inputs, callbacks, epochs=3, module=None, logger=False, **options):
    module = module or Module()
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=callbacks,
        logger=logger,
        enable_checkpointing=options.pop("enable_checkpointing", False),
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, DataLoader(TensorDataset(inputs), batch_size=200), **options)
    return module, trainer


def test_epoch_zero_every_second_and_the_last(inputs):
    callback = GaussianityCallback(inputs, every_n_epochs=2, layers=("representation", "projection"))
    module, _ = fit(inputs, [callback], epochs=5)
    order = [(record["epoch"], record["layer"], record["normalize"]) for record in callback.records]
    assert order == [
        (epoch, layer, normalize)
        for epoch in (0, 2, 4, 5)
        for layer in ("representation", "projection")
        for normalize in ("none", "l2")
    ]
    assert module.training
    with torch.no_grad():
        untrained, trained = Module().eval(), module.eval()
        expected = {
            (0, "representation"): untrained.encoder(inputs),
            (5, "representation"): trained.encoder(inputs),
            (5, "projection"): trained.head(trained.encoder(inputs)),
        }
    for record in callback.records:
        if (record["epoch"], record["layer"]) in expected:
            numbers = measure(expected[record["epoch"], record["layer"]], normalize=record["normalize"])
            for name, value in numbers.items():
                assert record[name] == (None if math.isnan(value) else pytest.approx(value, rel=1e-5)), name


def test_loggers_get_the_numbers(inputs, tmp_path):
    callback = GaussianityCallback(inputs, pair=inputs + 1, normalize=("none",), prefix="test")
    fit(inputs, [callback], epochs=2, logger=CSVLogger(tmp_path, name="", version="run"))
    lines = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    name = "test/representation/none/alignment"
    logged = {int(row["epoch"]): float(row[name]) for row in rows if row.get(name)}
    assert logged == {record["epoch"]: pytest.approx(record["alignment"]) for record in callback.records}
    assert list(logged) == [0, 1, 2]
    assert [row["step"] for row in rows if row.get(name)] == ["0", "3", "6"]
    assert any(row["test/cost_share"] for row in rows)


def test_resumed_run_has_the_same_records(inputs, tmp_path):
    whole = GaussianityCallback(inputs)
    fit(inputs, [whole], epochs=4)
    callbacks = [GaussianityCallback(inputs) for _ in range(2)]
    _, trainer = fit(inputs, [callbacks[0]], epochs=2)
    trainer.save_checkpoint(tmp_path / "half.ckpt", weights_only=False)
    saved = json.loads(json.dumps(callbacks[0].state_dict(), allow_nan=False))
    fit(inputs, [callbacks[1]], epochs=4, module=Module(), ckpt_path=tmp_path / "half.ckpt", weights_only=True)
    order = [(record["epoch"], record["normalize"]) for record in whole.records]
    assert [(record["epoch"], record["normalize"]) for record in callbacks[1].records] == order
    assert callbacks[1].records[: len(saved["records"])] == saved["records"] == callbacks[0].records
    assert [cost["epoch"] for cost in callbacks[1].costs] == [0, 1, 2, 3, 4]
    # By hand, as a training without Lightning's checkpoints does it; records of epochs that are run again go.
    by_hand = GaussianityCallback(inputs)
    by_hand.load_state_dict(callbacks[1].state_dict())
    fit(inputs, [by_hand], epochs=2)
    assert [(record["epoch"], record["normalize"]) for record in by_hand.records] == order[:6]
    # A checkpoint of a run that was not watched: what there is to begin with is measured first.
    _, trainer = fit(inputs, [], epochs=2)
    trainer.save_checkpoint(tmp_path / "bare.ckpt")
    late = GaussianityCallback(inputs, every_n_epochs=9, normalize=("none",))
    fit(inputs, [late], epochs=4, ckpt_path=tmp_path / "bare.ckpt", weights_only=True)
    assert [record["epoch"] for record in late.records] == [2, 4]


def test_two_callbacks_in_one_checkpoint(inputs):
    callbacks = [GaussianityCallback(inputs, prefix=name) for name in ("train", "test")]
    assert callbacks[0].state_key != callbacks[1].state_key


def test_other_modules_and_inputs(inputs):
    class Other(Module):
        def __init__(self):
            super().__init__()
            self.backbone = self.encoder
            del self.encoder

        def training_step(self, batch, index):
            return self.backbone(batch[0]).square().mean()

    module, callback = Other(), GaussianityCallback(inputs, normalize=("none",))
    with pytest.raises(InputError, match=r"Other has no attribute 'encoder'; name the layer as layers=\{'name'"):
        fit(inputs, [callback], module=module)
    pixels = (inputs * 20 + 128).clamp(0, 255).to(torch.uint8)
    named = GaussianityCallback(
        pixels,
        layers={"backbone": lambda module, x: module.backbone(x)},
        transform=lambda batch: batch / 255 - 0.5,
        normalize=("none",),
    )
    fit(inputs, [named], epochs=1, module=module)
    with torch.no_grad():
        expected = measure(module.eval().backbone(pixels / 255 - 0.5))
    assert [record["layer"] for record in named.records] == ["backbone"] * 2
    assert named.records[-1]["ad_avg"] == pytest.approx(expected["ad_avg"], rel=1e-4)
    half = GaussianityCallback(inputs.numpy(), normalize=("none",))
    fit(inputs, [half], epochs=1, module=Module(torch.bfloat16))
    assert half.records[-1]["n_samples"] == 600


def test_cost_is_said_at_the_end(inputs, monkeypatch, caplog):
    monkeypatch.setattr("thinshell.monitoring.cost.NOTICED", 0.0)
    callback = GaussianityCallback(inputs, normalize=("none",))
    with caplog.at_level(logging.INFO, "thinshell.monitoring"):
        fit(inputs, [callback], epochs=2)
    seconds, training = (sum(cost[name] for cost in callback.costs[1:]) for name in ("seconds", "training_seconds"))
    assert 0 < callback.cost_share == pytest.approx(seconds / training)
    # Six steps of a linear map are shorter than any measurement: the advice comes, once.
    assert sum("more than 3 %" in message for message in caplog.messages) == 1
    assert caplog.messages[-1].startswith("Gaussianity was measured 3 times in")


def test_only_the_first_process_measures(inputs):
    callback = GaussianityCallback(inputs)

    class Elsewhere:
        is_global_zero = False
        global_step = 0
        current_epoch = 0
        max_epochs = 1

    callback.on_train_start(Elsewhere(), Module())
    callback.on_train_epoch_end(Elsewhere(), Module())
    callback.on_train_end(Elsewhere(), Module())
    assert callback.records == []


def test_bad_input(inputs):
    with pytest.raises(InputError, match="every_n_epochs must be at least 1, got 0"):
        GaussianityCallback(inputs, every_n_epochs=0)
    with pytest.raises(InputError, match="layers must be one of 'projection', 'representation', got 'representations'"):
        GaussianityCallback(inputs, layers=("representations",))
    with pytest.raises(InputTypeError, match=r"layers must be a tuple such as \('representation',\), got 'projection'"):
        GaussianityCallback(inputs, layers="projection")
