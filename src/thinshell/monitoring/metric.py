"""Gaussianity as a torchmetrics metric: a sketch a process, merged where there are several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.distributed import gather_all_tensors

from thinshell.monitoring.measure import measured, measuring_options, n_columns, new_sketch
from thinshell.monitoring.paired_sketch import PairedSketch

__all__ = ["GaussianityMetric"]

# The attribute that holds what was taken in, also its name in a `state_dict`.
_STATE = "_held"


class GaussianityMetric(Metric):
    """Gaussianity of all embeddings given to it, over all batches and all processes.

    It holds an `EmbeddingSketch`, so memory is bounded and the result does not depend on how rows were split over
    batches and processes: exactly up to 8,192 rows (or ``samples_per_test * repeats``, if that is more), to 1e-6
    beyond. To synchronise, each process sends its sketch, at most its 8,192 rows and a few numbers a column.

    Parameters
    ----------
    normalize : {"none", "l2"}
        What is done to the rows first.
    samples_per_test, repeats, seed : int
        Of the paper's protocol, see `thinshell.monitoring.measure`.
    **options
        Of `torchmetrics.Metric`: ``dist_sync_on_step``, ``process_group``, ``sync_on_compute``, …

    Notes
    -----
    ``update(embeddings, positives=None)`` takes rows of any float type on any device. Those on an accelerator are
    sketched there, and what was counted comes to the host once it is asked for. ``compute()`` returns a dictionary of
    scalar tensors named as `thinshell.monitoring.measure` names them, NaN where fewer than 8 rows were seen;
    ``forward`` adds a batch and returns the numbers of that batch alone. ``state_dict`` holds the sketch as one uint8
    tensor once ``persistent(True)`` was called. Nothing is differentiable.

    References
    ----------
    Betser et al. (ICLR 2026), "InfoNCE Induces Gaussian Distribution", Tables 1 and 2.

    Examples
    --------
    >>> metric = GaussianityMetric()
    >>> generator = torch.Generator().manual_seed(0)
    >>> for _ in range(4):
    ...     metric.update(torch.randn(500, 16, generator=generator))
    >>> result = metric.compute()
    >>> round(float(result["ad_avg"]), 1), float(result["ad_normal_share"])
    (0.4, 1.0)
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False

    def __init__(
        self,
        *,
        normalize: str = "none",
        samples_per_test: int = 250,
        repeats: int = 20,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._options = measuring_options(normalize, samples_per_test, repeats, seed)
        # No state in the sense of `add_state`: those are tensors, which torchmetrics copies, moves and compares. Below
        # are the few methods of `Metric` that touch states.
        self._held: PairedSketch | None = None
        self._is_persistent = False

    def update(self, embeddings: Tensor, positives: Tensor | None = None) -> None:
        """Take a batch in, with the other view of each row where there is one.

        Parameters
        ----------
        embeddings : Tensor of shape (n_samples, n_features)
            Not normalised.
        positives : Tensor of shape (n_samples, n_features), optional
            Row i is the other view of row i.

        Raises
        ------
        InputError
            If the shapes do not fit each other or earlier batches, or a value is not finite.
        """
        if self._held is None:
            self._held = new_sketch(n_columns(embeddings), self._options)
        self._held.add(embeddings, positives)

    def compute(self) -> dict[str, Tensor]:
        """Return the numbers of `thinshell.monitoring.measure` as scalar tensors of the metric's dtype and device."""
        numbers = measured(self._held or PairedSketch(), self._options)
        return {name: torch.tensor(value, dtype=self.dtype, device=self.device) for name, value in numbers.items()}

    def reset(self) -> None:
        """Forget everything taken in."""
        super().reset()
        self._held = None

    @property
    def metric_state(self) -> dict[str, Any]:
        """The sketch, as `merge_state` takes it."""
        return {_STATE: self._held}

    def _sync_dist(self, dist_sync_fn: Callable = gather_all_tensors, process_group: Any = None) -> None:
        self._held = self._unpacked(dist_sync_fn(self._packed(), group=process_group or self.process_group))

    def _reduce_states(self, incoming_state: dict[str, Any]) -> None:
        # Called by `forward` with what was there before the latest batch, and by `merge_state`.
        other = incoming_state[_STATE]
        if other is not None:
            self._held = (self._held or PairedSketch(self._options.normalize)).merge(other)
            self._computed = None

    def _copy_state_dict(self) -> dict[str, Any]:
        # Set aside by `forward` and `sync`, which put another sketch in its place: it need not be copied.
        return {_STATE: self._held}

    def persistent(self, mode: bool = False) -> None:
        """Choose whether `state_dict` holds the sketch."""
        self._is_persistent = mode

    def state_dict(self, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> dict[str, Any]:
        """Return the sketch as a uint8 tensor, if ``persistent(True)`` was called."""
        state = super().state_dict(destination, prefix, keep_vars)
        if self._is_persistent:
            state[prefix + _STATE] = self._packed().cpu()
        return state

    def _load_from_state_dict(
        self,
        state_dict: dict,
        prefix: str,
        local_metadata: dict,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        packed = state_dict.pop(prefix + _STATE, None)
        if packed is not None:
            self._held = self._unpacked([packed])
            # Or `compute` would warn that there was no update.
            self._update_count = max(self._update_count, int(self._held is not None))
            self._computed = None
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

    def _packed(self) -> Tensor:
        data = self._held.to_bytes() if self._held is not None else b""
        return torch.from_numpy(np.frombuffer(data, np.uint8).copy()).to(self.device)

    def _unpacked(self, parts: list[Tensor]) -> PairedSketch | None:
        """Merge what several processes packed; None where none of them has seen a row."""
        merged = PairedSketch(self._options.normalize)
        held = [part.cpu().numpy().tobytes() for part in parts if len(part)]
        for packed in held:
            merged.merge_bytes(packed)
        return merged if held else None
