"""Gaussianity while training with Lightning."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import lightning
import torch
from lightning.pytorch import Callback
from torch import Tensor

from thinshell.errors import InputError, InputTypeError, unknown_name
from thinshell.monitoring.monitor import DEFAULT_LAYER, MAX_SAMPLES, GaussianityMonitor, evaluating

__all__ = ["GaussianityCallback"]

LAYERS = (DEFAULT_LAYER, "projection")
_logger = logging.getLogger("thinshell.monitoring")

Layer = Callable[[Any, Tensor], Tensor]


class GaussianityCallback(Callback):
    """Measures how Gaussian a layer is before training and after its epochs.

    Parameters
    ----------
    inputs : Tensor or array of shape (n_samples, ...)
        Encoded as they are, in evaluation mode: the paper measures the test set.
    pair : Tensor or array, or a tuple of two, optional
        The other view of each row of `inputs`, or two views of other samples: adds alignment and the mean cosine of
        positive pairs.
    every_n_epochs : int
        Epochs from one measurement to the next; before training and after the last epoch there is always one.
    layers : tuple of {"representation", "projection"}, or mapping of names to callables
        "representation" is ``module.encoder(x)``, "projection" ``module.head(module.encoder(x))``. For a module that
        calls its parts otherwise: ``{"backbone": lambda module, x: module.backbone(x)}``.
    normalize : tuple of {"none", "l2"}
        Raw embeddings, normalised ones, or both.
    samples_per_test, repeats, seed, max_samples, batch_size
        As for `GaussianityMonitor`.
    transform : callable, optional
        Applied to each batch of `inputs` on the module's device before it is encoded, for example from bytes to
        numbers of mean 0.
    prefix : str
        Of the names in the loggers; two callbacks in one run need different ones.

    Attributes
    ----------
    records : list of dict
        ``epoch`` (epochs completed), ``layer``, ``normalize``, the numbers of `thinshell.monitoring.measure`, None
        where one does not apply, and ``norm_histogram`` as `GaussianityMonitor` keeps it. They hold no times, so that a
        resumed run has those of an uninterrupted one.
    costs : list of dict
        ``epoch``, ``seconds``, ``training_seconds`` since the measurement before, ``cost_share``.
    cost_share : float or None
        Time of measuring over time of training so far. Where it passes 3 % and took 2 seconds in all, one sentence is
        logged that says what to change; at the end of training it is logged in any case (``thinshell.monitoring``).

    Notes
    -----
    Numbers, but not histograms, go to the trainer's loggers as ``{prefix}/{layer}/{normalize}/{name}``. With several
    processes the first one measures and the others wait; the encoder must not communicate in evaluation mode.
    Embeddings are moved to the host in batches. ``state_dict`` is plain data (JSON) with the records; after
    ``load_state_dict`` records of epochs that are run again are replaced.

    References
    ----------
    Betser et al. (ICLR 2026), "InfoNCE Induces Gaussian Distribution", Section 5.

    Examples
    --------
    >>> callback = GaussianityCallback(torch.zeros(100, 8), every_n_epochs=5, layers=("representation", "projection"))
    >>> callback.records
    []
    >>> # lightning.Trainer(callbacks=[callback]).fit(module, loader)
    """

    def __init__(
        self,
        inputs: Any,
        *,
        pair: Any = None,
        every_n_epochs: int = 1,
        layers: tuple[str, ...] | Mapping[str, Layer] = (DEFAULT_LAYER,),
        normalize: tuple[str, ...] = ("none", "l2"),
        samples_per_test: int = 250,
        repeats: int = 20,
        seed: int = 0,
        max_samples: int | None = MAX_SAMPLES,
        batch_size: int = 512,
        transform: Callable[[Tensor], Tensor] | None = None,
        prefix: str = "gaussianity",
    ) -> None:
        if every_n_epochs < 1:
            raise InputError(f"every_n_epochs must be at least 1, got {every_n_epochs}")
        self._every = every_n_epochs
        self._layers = _checked_layers(layers)
        self._transform = transform
        self._prefix = prefix
        self._monitor = GaussianityMonitor(
            inputs,
            pair=pair,
            normalize=normalize,
            samples_per_test=samples_per_test,
            repeats=repeats,
            seed=seed,
            max_samples=max_samples,
            batch_size=batch_size,
        )

    @property
    def records(self) -> list[dict[str, Any]]:
        """One entry for each epoch, layer and normalisation measured."""
        return self._monitor.records

    @property
    def costs(self) -> list[dict[str, float | int | None]]:
        """One entry for each measurement: what it took."""
        return self._monitor.costs

    @property
    def cost_share(self) -> float | None:
        """Time of measuring over time of training, None before the second measurement."""
        return self._monitor.cost_share

    @property
    def state_key(self) -> str:
        """Tells callbacks of one run apart in its checkpoints."""
        return self._generate_state_key(prefix=self._prefix)

    def state_dict(self) -> dict[str, Any]:
        """Return records and costs as plain data."""
        return {"records": [dict(record) for record in self.records], "costs": [dict(cost) for cost in self.costs]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self._monitor.records = [dict(record) for record in state_dict["records"]]
        self._monitor.ledger.entries = [dict(cost) for cost in state_dict["costs"]]

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Measure the encoder as it is before training, or before it goes on if that was never done."""
        epoch = trainer.current_epoch
        self._monitor.forget_after(epoch)
        if trainer.global_step == 0 or not self.records:
            self._measure(trainer, pl_module, epoch)
        self._monitor.ledger.start()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Measure if it is time."""
        completed = trainer.current_epoch + 1
        if completed % self._every == 0 or completed == trainer.max_epochs:
            self._measure(trainer, pl_module, completed)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Say what it cost."""
        if trainer.is_global_zero and self.cost_share is not None:
            seconds = sum(float(cost["seconds"] or 0) for cost in self.costs)
            _logger.info(
                "Gaussianity was measured %d times in %.1f s, %.1f %% of the time of training",
                len(self.costs),
                seconds,
                100 * self.cost_share,
            )

    def _measure(self, trainer: lightning.Trainer, module: lightning.LightningModule, epoch: int) -> None:
        if not trainer.is_global_zero:
            return
        with evaluating(module):
            records = self._monitor(lambda batch: self._encode(module, batch), epoch)
        numbers: dict[str, float] = {
            f"{self._prefix}/{record['layer']}/{record['normalize']}/{name}": value
            for record in records
            for name, value in record.items()
            if isinstance(value, float)
        }
        numbers["epoch"] = epoch
        if self.costs[-1]["cost_share"] is not None:
            numbers[f"{self._prefix}/cost_share"] = self.costs[-1]["cost_share"]
        for logger in trainer.loggers:
            logger.log_metrics(numbers, step=trainer.global_step)

    def _encode(self, module: Any, batch: Any) -> dict[str, Tensor]:
        batch = torch.as_tensor(batch).to(module.device)
        if self._transform is not None:
            batch = self._transform(batch)
        weights = next(module.parameters(), None)
        if weights is not None and batch.is_floating_point():
            # Modules trained wholly in half precision take only that.
            batch = batch.to(weights.dtype)
        if isinstance(self._layers, Mapping):
            return {name: layer(module, batch) for name, layer in self._layers.items()}
        return _standard_layers(module, batch, self._layers)


def _checked_layers(layers: Any) -> Any:
    if isinstance(layers, str) or not layers:
        raise InputTypeError(f"layers must be a tuple such as ('representation',), got {layers!r}; put it in brackets")
    if not isinstance(layers, Mapping):
        for name in layers:
            if name not in LAYERS:
                raise unknown_name("layers", name, LAYERS)
    return layers


def _standard_layers(module: Any, batch: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
    for part in ("encoder", "head") if "projection" in names else ("encoder",):
        if not hasattr(module, part):
            raise InputError(
                f"{type(module).__name__} has no attribute {part!r}; name the layer as "
                "layers={'name': lambda module, x: ...}"
            )
    representation = module.encoder(batch)
    found = {DEFAULT_LAYER: representation}
    if "projection" in names:
        found["projection"] = module.head(representation)
    return {name: found[name] for name in names}
