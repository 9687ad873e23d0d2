"""Gaussianity while training, for any loop: which rows to look at, through which layers, at what cost."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from thinshell.diagnosis.options import Options
from thinshell.errors import InputError, InputTypeError
from thinshell.monitoring.cost import CostLedger
from thinshell.monitoring.measure import DIRECTIONS, measure_rows, measuring_options, pair_numbers
from thinshell.monitoring.norm_histogram import norm_histogram
from thinshell.monitoring.paired_sketch import PairedSketch
from thinshell.monitoring.rows import host_blocks, sampled_rows

__all__ = ["DEFAULT_LAYER", "MAX_SAMPLES", "GaussianityMonitor", "evaluating"]

# 20 disjoint tests of 250 rows: all that the paper's protocol takes.
MAX_SAMPLES = 5000
DEFAULT_LAYER = "representation"


class GaussianityMonitor:
    """Measures an encoder on the same rows again and again, in a training loop of any kind.

    Parameters
    ----------
    inputs : array or tensor of shape (n_samples, ...)
        What the encoder takes, for example the test set. Of more than `max_samples` rows that many are drawn once.
    pair : array or tensor, or a pair of them, optional
        The other view of each row of `inputs`; or two views of other samples. Then alignment and the mean cosine of
        positive pairs are recorded, too.
    normalize : tuple of {"none", "l2"}
        One record for each.
    samples_per_test, repeats : int
        Of the paper's protocol, see `thinshell.monitoring.measure`.
    seed : int
        Draws the rows, and those of each test.
    max_samples : int or None
        Rows looked at; None for all. The default, 5,000, is what ``samples_per_test * repeats`` takes.
    batch_size : int
        Rows encoded at a time.

    Attributes
    ----------
    records : list of dict
        Plain data of JSON: ``epoch``, ``layer``, ``normalize``, what `measure` returns, None where it is NaN, and
        ``norm_histogram``: ``edges`` (31, from the smallest norm to the largest of that measurement) and ``counts``
        (30) of the raw rows' norms, None for rows scaled to length 1. The same encoder gives the same record.
    costs : list of dict
        ``epoch``, ``seconds``, ``training_seconds`` since the measurement before, ``cost_share``.

    Notes
    -----
    Rows that come out as NaN or infinity are left out (``n_samples`` says how many are left), and a collapsed encoder
    gives None instead of an error: watching never stops a training. Where measuring takes more than 3 % of the time in
    between, and 2 seconds in all, one sentence is logged (logger ``thinshell.monitoring``) that says what to change.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> monitor = GaussianityMonitor(rng.laplace(size=(600, 20)), normalize=("none",))
    >>> weights = rng.standard_normal((20, 4))
    >>> [record] = monitor(lambda batch: batch @ weights, epoch=0)
    >>> record["layer"], record["normalize"], round(record["cv_reference"], 1)
    ('representation', 'none', 0.4)
    """

    def __init__(
        self,
        inputs: Any,
        *,
        pair: Any = None,
        normalize: tuple[str, ...] = ("none", "l2"),
        samples_per_test: int = 250,
        repeats: int = 20,
        seed: int = 0,
        max_samples: int | None = MAX_SAMPLES,
        batch_size: int = 512,
    ) -> None:
        if isinstance(normalize, str) or not normalize:
            raise InputError(f"normalize must be a tuple such as ('none', 'l2'), got {normalize!r}; put it in brackets")
        for name, value, least in (("max_samples", max_samples, 8), ("batch_size", batch_size, 1)):
            if value is not None and value < least:
                raise InputError(f"{name} must be at least {least}, got {value}")
        self._options = [measuring_options(name, samples_per_test, repeats, seed) for name in normalize]
        self._batch_size = batch_size
        rows = sampled_rows(_length(inputs, "inputs"), max_samples, seed)
        self._inputs = inputs[rows]
        self._pair = None if pair is None else _views(inputs, pair, rows, max_samples, seed)
        self.records: list[dict[str, Any]] = []
        self.ledger = CostLedger(
            f"measure one time in {{times}} or take fewer rows than max_samples={len(self._inputs):,}"
        )

    @property
    def costs(self) -> list[dict[str, float | int | None]]:
        """What each measurement took, see the class."""
        return self.ledger.entries

    @property
    def cost_share(self) -> float | None:
        """Seconds of measuring over seconds in between, of all measurements but the first; None before that."""
        return self.ledger.share

    def __call__(self, encode: Callable[[Any], Any], epoch: int) -> list[dict[str, Any]]:
        """Measure an encoder and keep the records, in place of earlier ones of the same epoch.

        Parameters
        ----------
        encode : callable
            From a batch of `inputs` to embeddings of shape (n_samples, n_features), or to a dictionary of them by
            layer. A torch module is switched to evaluation while it is measured; gradients are off.
        epoch : int
            Epochs of training behind it; 0 before training.

        Returns
        -------
        list of dict
            One record for each layer and normalisation.
        """
        _wait_for_accelerator()
        with self.ledger.measuring(epoch), evaluating(encode):
            embeddings = self._embed(encode, self._inputs)
            pairs = self._pairs(encode, embeddings)
            records = [
                {"epoch": epoch, "layer": layer, "normalize": options.normalize} | numbers
                for layer, rows in embeddings.items()
                for options, numbers in self._measure(rows, pairs.get(layer, {}))
            ]
        self.records = [record for record in self.records if record["epoch"] != epoch] + records
        return records

    def forget_after(self, epoch: int) -> None:
        """Drop what was recorded of later epochs, which are going to be run again."""
        self.records = [record for record in self.records if record["epoch"] <= epoch]
        self.ledger.entries = [entry for entry in self.ledger.entries if int(entry["epoch"] or 0) <= epoch]

    def _embed(self, encode: Callable[[Any], Any], inputs: Any) -> dict[str, np.ndarray]:
        parts: dict[str, list[np.ndarray]] = {}
        for top in range(0, len(inputs), self._batch_size):
            outputs = encode(inputs[top : top + self._batch_size])
            for layer, output in (outputs if isinstance(outputs, Mapping) else {DEFAULT_LAYER: outputs}).items():
                parts.setdefault(layer, []).extend(host_blocks(output, f"embeddings of layer {layer!r}"))
        return {layer: np.concatenate(blocks) for layer, blocks in parts.items()}

    def _pairs(self, encode: Callable[[Any], Any], embeddings: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
        if self._pair is None:
            return {}
        first, second = self._pair
        left = embeddings if first is None else self._embed(encode, first)
        right = self._embed(encode, second)
        numbers = {}
        for layer in embeddings:
            held = PairedSketch(drop_nonfinite=True)
            held.add_pairs(left[layer], right[layer])
            numbers[layer] = pair_numbers(held)
        return numbers

    def _measure(self, rows: np.ndarray, pairs: dict[str, float]) -> Iterator[tuple[Options, dict[str, Any]]]:
        known: dict[str, float] = {}
        for options in self._options:
            numbers = measure_rows(rows, None, options, known=known, drop_nonfinite=True) | pairs
            # Directions are the same whatever is done to the lengths.
            known = {name: numbers[name] for name in DIRECTIONS}
            plain: dict[str, Any] = {name: None if math.isnan(x) else x for name, x in numbers.items()}
            # Rows scaled to length 1 have no norms to look at.
            histogram = norm_histogram(rows) if options.normalize == "none" else None
            yield options, plain | {"n_samples": int(numbers["n_samples"]), "norm_histogram": histogram}


def _length(rows: Any, name: str) -> int:
    shape = getattr(rows, "shape", None)
    if not shape or len(shape) < 2:
        raise InputTypeError(
            f"{name} must be an array or a tensor with one row a sample, got {type(rows).__name__}; "
            "stack the samples first"
        )
    return int(shape[0])


def _views(inputs: Any, pair: Any, rows: slice | np.ndarray, max_samples: int | None, seed: int) -> tuple[Any, Any]:
    """Return the two views of each pair; None for the first where it is `inputs` itself."""
    if not isinstance(pair, tuple):
        first, second = inputs, pair
    elif len(pair) == 2:
        first, second = pair
    else:
        raise InputError(f"pair must be the other view of inputs or a tuple of two views, got a tuple of {len(pair)}")
    if _length(first, "pair") != _length(second, "pair"):
        raise InputError(
            f"pair must hold the other view of each row, got {len(second):,} for {len(first):,} rows; "
            "give as many of both"
        )
    if first is inputs:
        return None, second[rows]
    rows = sampled_rows(len(first), max_samples, seed)
    return first[rows], second[rows]


@contextmanager
def evaluating(encode: Any) -> Iterator[None]:
    """Switch gradients off and, where `encode` is a torch module, its parts to evaluation; leave all as it was."""
    torch = sys.modules.get("torch")
    modules = list(encode.modules()) if torch is not None and isinstance(encode, torch.nn.Module) else []
    before = [module.training for module in modules]
    for module in modules:
        module.training = False
    try:
        with torch.no_grad() if torch is not None else nullcontext():
            yield
    finally:
        # One by one: a part that its owner keeps in evaluation stays there.
        for module, training in zip(modules, before, strict=True):
            module.training = training


def _wait_for_accelerator() -> None:
    """Let training that is still queued on the GPU end, so that it is not counted as measuring."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()
