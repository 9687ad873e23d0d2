"""Lightning modules: an encoder and what it is trained for."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from thinshell.errors import InputError
from thinshell.training.optimizers import SGD_MOMENTUM, learning_rate_factor, make_optimizer
from thinshell.training.randomness import seeded

__all__ = ["ContrastiveModule", "SupervisedModule"]

# What a step is given: the views of a batch, and its labels where there are any.
Batch = tuple[tuple[Tensor, ...], Tensor | None]


class _Trained(LightningModule):
    """What both modules share: an encoder, a head, an optimiser and a schedule."""

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        *,
        learning_rate: float,
        weight_decay: float,
        optimizer: str,
        schedule: str,
        momentum: float,
        warmup_steps: int,
    ) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.recipe: dict[str, Any] = {
            "learning_rate": learning_rate,
            "weight_decay": weight_decay,
            "optimizer": optimizer,
            "momentum": momentum,
            "schedule": schedule,
            "warmup_steps": warmup_steps,
        }
        # Told now and not when the optimiser is made, which is after the data have been read.
        make_optimizer(optimizer, [nn.Parameter(torch.zeros(1))], learning_rate, weight_decay, momentum)
        learning_rate_factor(schedule, warmup_steps, total_steps=warmup_steps + 1)
        self.total_steps: int | None = None
        # In a list, so that it is no submodule: its weights are the encoder's.
        self._compiled: list[Any] = []

    @staticmethod
    def trunk_of(encoder: nn.Module) -> nn.Module:
        """Return the part of the encoder that the head stands on: all of it."""
        return encoder

    @property
    def trunk(self) -> nn.Module:
        """What the head stands on."""
        return self.trunk_of(self.encoder)

    def compile_encoder(self, **options: Any) -> None:
        """Train through ``torch.compile(trunk, **options)``; measuring and everything else use the encoder itself."""
        self._compiled = [torch.compile(self.trunk, **options)]

    def _encoded(self, views: tuple[Tensor, ...]) -> Tensor:
        """Return what the trunk makes of all views, one after the other."""
        return (self._compiled[0] if self._compiled else self.trunk)(torch.cat(views))

    def forward(self, x: Tensor) -> Tensor:
        """Return the representation of shape (n, encoder.n_features)."""
        return self.encoder(x)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return the optimiser and the schedule, which goes on after every step."""
        recipe = self.recipe
        parameters = [weights for weights in self.parameters() if weights.requires_grad]
        values = (recipe["learning_rate"], recipe["weight_decay"], recipe["momentum"])
        optimizer = make_optimizer(recipe["optimizer"], parameters, *values)
        total = self.total_steps
        if total is None and recipe["schedule"] != "constant":
            total = int(self.trainer.estimated_stepping_batches)
        factor = learning_rate_factor(recipe["schedule"], recipe["warmup_steps"], total)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def describe(self) -> dict[str, Any]:
        """Return what the module is made of, fit for JSON: a run is only resumed with the same."""
        return {"kind": type(self).__name__, "encoder": repr(self.encoder), "head": repr(self.head), **self.recipe}


class ContrastiveModule(_Trained):
    """An encoder trained so that two views of a row agree, and those of other rows do not.

    Parameters
    ----------
    encoder : torch.nn.Module
        Maps inputs to the representation h; ``.encoder(x)``.
    objective : torch.nn.Module
        Called as ``objective(z0, z1, labels)`` with two tensors (batch, features); returns a scalar.
    head : torch.nn.Module, optional
        Maps h to the projection z that the objective sees; the identity when not given.
    learning_rate, weight_decay, optimizer, momentum
        See ``make_optimizer``; Adam at 1e-3 is the paper's.
    schedule : str
        ``"constant"`` or ``"cosine"``.
    warmup_steps : int
        Steps of linear warm-up.

    Notes
    -----
    Both views go through the encoder in one pass, so that batch normalisation sees them together.

    Raises
    ------
    InputError
        For an unknown optimiser or schedule, or a value out of range.

    References
    ----------
    Betser et al. (ICLR 2026), Section 5; Chen et al. (SimCLR, ICML 2020).

    Examples
    --------
    >>> from thinshell.training import create_encoder
    >>> module = ContrastiveModule(create_encoder("linear", n_inputs=8, n_features=4), torch.nn.MSELoss())
    >>> module.head(module.encoder(torch.zeros(3, 8))).shape
    torch.Size([3, 4])
    """

    def __init__(
        self,
        encoder: nn.Module,
        objective: nn.Module,
        *,
        head: nn.Module | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        optimizer: str = "adam",
        schedule: str = "constant",
        momentum: float = SGD_MOMENTUM,
        warmup_steps: int = 0,
    ) -> None:
        super().__init__(
            encoder,
            nn.Identity() if head is None else head,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            optimizer=optimizer,
            schedule=schedule,
            momentum=momentum,
            warmup_steps=warmup_steps,
        )
        self.objective = objective

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of one batch."""
        views, labels = batch
        if len(views) != 2:
            raise InputError(
                f"a contrastive objective needs two views of each row, got {len(views)}; choose other views"
            )
        z0, z1 = self.head(self._encoded(views)).chunk(2)
        return self.objective(z0, z1, labels)

    def describe(self) -> dict[str, Any]:
        """Return what the module is made of, fit for JSON: a run is only resumed with the same."""
        return {**super().describe(), "objective": repr(self.objective)}


class SupervisedModule(_Trained):
    """An encoder trained by cross-entropy through one linear layer.

    Parameters
    ----------
    encoder : torch.nn.Module
        Maps inputs to the representation h; has an attribute ``n_features``.
    n_classes : int
        At least 2.
    seed : int
        Chooses the weights of the linear layer ``.head``, whose outputs are the logits.
    learning_rate, weight_decay, optimizer, momentum, schedule, warmup_steps
        As for :class:`ContrastiveModule`.

    Raises
    ------
    InputError
        If `n_classes` is below 2, or as for :class:`ContrastiveModule`.

    Examples
    --------
    >>> from thinshell.training import create_encoder
    >>> module = SupervisedModule(create_encoder("linear", n_inputs=8, n_features=4), n_classes=3)
    >>> module.head(module.encoder(torch.zeros(5, 8))).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        encoder: nn.Module,
        n_classes: int,
        *,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        optimizer: str = "adam",
        schedule: str = "constant",
        momentum: float = SGD_MOMENTUM,
        warmup_steps: int = 0,
        seed: int = 0,
    ) -> None:
        if n_classes < 2:
            raise InputError(f"n_classes must be at least 2, got {n_classes}; there is nothing to tell apart")
        with seeded(seed, "classifier"):
            classifier = nn.Linear(int(self.trunk_of(encoder).n_features), n_classes)  # type: ignore[arg-type]
        super().__init__(
            encoder,
            classifier,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            optimizer=optimizer,
            schedule=schedule,
            momentum=momentum,
            warmup_steps=warmup_steps,
        )

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the cross-entropy of one batch; every view of a row counts as a row."""
        views, labels = batch
        if labels is None:
            raise InputError("supervised training needs the class of each row, got samples without labels")
        return F.cross_entropy(self.head(self._encoded(views)).float(), labels.repeat(len(views)))
