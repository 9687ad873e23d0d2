"""The configuration of a training run, from a YAML file or from Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from thinshell._devices import check_device_name
from thinshell.errors import InputError
from thinshell.training.config_errors import sentence
from thinshell.training.config_sections import (
    SUPERVISED,
    DataConfig,
    EncoderConfig,
    HeadConfig,
    MonitorConfig,
    ObjectiveConfig,
    OptimizerConfig,
    RegularizerConfig,
    Section,
    ViewsConfig,
)
from thinshell.training.logs import check_loggers

__all__ = ["TrainConfig", "checked_config", "load_config"]


class TrainConfig(Section):
    """Everything a run depends on.

    Attributes
    ----------
    data, views, encoder, objective : name and options
        What is trained on, how its views are made, what is trained, by which loss. A name alone will do. `views` may
        be left out with the objective ``cross_entropy``.
    head : HeadConfig or None
        Layers between representation and loss; none when not given.
    regularizer : RegularizerConfig or None
        The paper's Gaussian prior, added to the objective.
    optimizer, monitor
        See their classes; ``monitor: null`` measures nothing.
    epochs, batch_size, seed, precision, device, channels_last, every_n_steps, loggers, wandb
        As in :func:`fit`.
    embeddings : bool
        Keep the test rows' representation after training as ``embeddings.npy``.

    Examples
    --------
    >>> config = TrainConfig(data="laplace", views="gaussian_channel", objective="infonce", epochs=5, batch_size=64,
    ...                      encoder={"name": "linear", "n_features": 32})
    >>> config.encoder.options, config.optimizer.learning_rate
    ({'n_features': 32}, 0.001)
    """

    data: DataConfig
    views: ViewsConfig | None = None
    encoder: EncoderConfig
    head: HeadConfig | None = None
    objective: ObjectiveConfig
    regularizer: RegularizerConfig | None = None
    optimizer: OptimizerConfig = OptimizerConfig()  # type: ignore[call-arg]
    monitor: MonitorConfig | None = MonitorConfig()  # type: ignore[call-arg]
    epochs: int = Field(ge=1, strict=True)
    batch_size: int = Field(ge=2, strict=True)
    seed: int = Field(0, ge=0, strict=True)
    precision: Literal["32", "bf16"] = "32"
    device: str = "auto"
    channels_last: bool = False
    every_n_steps: int | None = Field(None, ge=1, strict=True)
    loggers: tuple[str, ...] = ("csv", "jsonl", "tensorboard")
    wandb: dict[str, Any] | None = None
    embeddings: bool = False

    @field_validator("precision", mode="before")
    @classmethod
    def _bits(cls, given: Any) -> Any:
        return str(given) if isinstance(given, int) else given

    @field_validator("device")
    @classmethod
    def _known_device(cls, name: str) -> str:
        check_device_name(name)
        return name

    @field_validator("loggers")
    @classmethod
    def _known_loggers(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        check_loggers(names)
        return names

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.objective.name == SUPERVISED:
            for name in ("head", "regularizer"):
                if getattr(self, name) is not None:
                    raise InputError(f"{name} goes with a contrastive objective, not with {SUPERVISED}; leave it out")
        elif self.views is None:
            raise InputError(f"views is missing; the objective {self.objective.name!r} compares two views of each row")
        return self


def load_config(path: str | Path) -> TrainConfig:
    """Read a configuration from a YAML file.

    Parameters
    ----------
    path : str or Path
        See ``examples/train.yaml`` for every key.

    Returns
    -------
    TrainConfig

    Raises
    ------
    InputError
        If the file cannot be read, is not YAML, or a key is unknown (with the nearest one), missing or out of range.

    Examples
    --------
    >>> load_config("no-such-file.yaml")
    Traceback (most recent call last):
        ...
    thinshell.errors.InputError: no-such-file.yaml cannot be read (No such file or directory); ...
    """
    try:
        given = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        where = " ".join(str(error).replace('in "<unicode string>", ', "at ").split())
        raise InputError(f"{path} is not YAML: {where}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file in UTF-8 ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}); name a YAML file such as examples/train.yaml"
        ) from error
    if not isinstance(given, dict):
        what = "is empty" if given is None else f"holds a {type(given).__name__}"
        raise InputError(f"{path} {what}; a configuration has keys such as data, encoder, objective, epochs")
    return checked_config(given, str(path))


def checked_config(given: Mapping[str, Any], where: str = "the configuration") -> TrainConfig:
    """Return a configuration from plain values, or say in one sentence what is wrong with them."""
    try:
        return TrainConfig.model_validate(given)
    except ValidationError as error:
        raise InputError(f"{where}: {sentence(error, TrainConfig)}") from error
