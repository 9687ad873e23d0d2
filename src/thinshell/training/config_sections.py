"""The sections of a configuration: what each key may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator

from thinshell.errors import unknown_name
from thinshell.objectives import OBJECTIVES, GaussianPrior
from thinshell.training.config_errors import told
from thinshell.training.config_options import checked_options
from thinshell.training.data import SAMPLES
from thinshell.training.encoders import ENCODERS, create_encoder
from thinshell.training.views import VIEWS

__all__ = [
    "SUPERVISED",
    "DataConfig",
    "EncoderConfig",
    "HeadConfig",
    "MonitorConfig",
    "ObjectiveConfig",
    "OptimizerConfig",
    "RegularizerConfig",
    "Section",
    "ViewsConfig",
]

# The objective that trains on labels through one linear layer; all others come from thinshell.objectives.
SUPERVISED = "cross_entropy"


class Section(BaseModel):
    """A mapping with these keys and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Named(BaseModel):
    """A name and the options of what it names; a bare name stands for one without options."""

    model_config = ConfigDict(extra="allow", frozen=True)
    section: ClassVar[str]
    name: str

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _check(self) -> Self:
        makers = _makers(self.section)
        if self.name not in makers:
            raise unknown_name(f"{self.section}.name", self.name, makers)
        options = checked_options(self.section, makers[self.name], self.model_extra or {})
        (self.model_extra or {}).update(options)
        self._try_out(makers[self.name])
        return self

    def _try_out(self, maker: Callable[..., Any]) -> None:
        """Make what can be made now, so that a value out of range is told before the data are read."""

    @property
    def options(self) -> dict[str, Any]:
        """What was given besides the name."""
        return dict(self.model_extra or {})


class DataConfig(_Named):
    """What is trained on; see :func:`create_samples`."""

    section = "data"


class ViewsConfig(_Named):
    """What makes the two views; see :func:`create_views`."""

    section = "views"

    def _try_out(self, maker: Callable[..., Any]) -> None:
        if self.name != "component_draws":  # which waits for the data
            told("views", lambda: maker(**self.options))


class EncoderConfig(_Named):
    """What is trained; see :func:`create_encoder`."""

    section = "encoder"

    def _try_out(self, maker: Callable[..., Any]) -> None:
        with torch.device("meta"):  # shapes without numbers
            told("encoder", lambda: create_encoder(self.name, n_inputs=1, **self.options))


class ObjectiveConfig(_Named):
    """The loss; see ``thinshell.objectives.create_objective``, or ``cross_entropy`` on labels."""

    section = "objective"

    def _try_out(self, maker: Callable[..., Any]) -> None:
        told("objective", lambda: maker(**self.options))


class RegularizerConfig(BaseModel):
    """The paper's Gaussian prior on the unnormalised projection; see ``thinshell.objectives.GaussianPrior``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @model_validator(mode="after")
    def _check(self) -> Self:
        extras = self.model_extra or {}
        extras.update(checked_options("regularizer", GaussianPrior, extras))
        told("regularizer", lambda: GaussianPrior(**extras))
        return self

    @property
    def options(self) -> dict[str, Any]:
        """What was given."""
        return dict(self.model_extra or {})


class HeadConfig(Section):
    """Layers between the representation and the loss; see :func:`projection_head`."""

    n_hidden: int = Field(512, ge=1, strict=True)
    n_outputs: int = Field(128, ge=1, strict=True)
    n_layers: int = Field(2, ge=1, strict=True)


class OptimizerConfig(Section):
    """How weights move; the defaults are the paper's for synthetic data."""

    name: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: float = Field(1e-3, gt=0, le=1e3)
    weight_decay: float = Field(0.0, ge=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup_epochs: float = Field(0.0, ge=0)


class MonitorConfig(Section):
    """What is measured of the test rows while training; see ``thinshell.monitoring.GaussianityCallback``."""

    every_n_epochs: int = Field(1, ge=1, strict=True)
    layers: tuple[Literal["representation", "projection"], ...] = Field(("representation",), min_length=1)
    normalize: tuple[Literal["none", "l2"], ...] = Field(("none", "l2"), min_length=1)
    samples_per_test: int = Field(250, ge=8, strict=True)
    repeats: int = Field(20, ge=1, strict=True)


def _makers(section: str) -> Mapping[str, Callable[..., Any]]:
    objectives = {**OBJECTIVES, SUPERVISED: _no_options}
    return {"data": SAMPLES, "views": VIEWS, "encoder": ENCODERS, "objective": objectives}[section]


def _no_options() -> None:
    """Cross-entropy takes none."""
