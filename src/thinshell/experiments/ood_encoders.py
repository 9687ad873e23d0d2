"""The two small encoders of CIFAR-10 that the experiment `ood` embeds with: trained once, their weights kept."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thinshell._files import replacing
from thinshell.errors import InputError, unknown_name
from thinshell.experiments.cifar_settings import ResNetSettings

if TYPE_CHECKING:
    from thinshell.experiments.context import Context, Part

__all__ = ["KINDS_OF_TRAINING", "encoder_part", "part_name", "trained_module"]

KINDS_OF_TRAINING = ("contrastive", "supervised")


def part_name(kind: str) -> str:
    """Return the name of the part that trains one encoder.

    Examples
    --------
    >>> part_name("supervised")
    'encoder-supervised'
    """
    return f"encoder-{kind}"


def encoder_part(settings: ResNetSettings, context: Context, kind: str) -> dict[str, Any]:
    """Train one encoder as a part of an experiment, or return what an earlier run kept of it.

    The weights lie beside the part's JSON, in ``runs/encoder-KIND.safetensors``; the JSON holds their SHA-256.

    Parameters
    ----------
    settings : ResNetSettings
        As for the experiment `cifar10`, whose encoders begin with the same weights and see the same batches.
    context : Context
    kind : {"contrastive", "supervised"}

    Returns
    -------
    dict
        ``weights_sha256``, ``initial_weights``, ``n_weights``, ``history``, ``data``, ``steps`` and seconds.

    Raises
    ------
    InputError
        For an unknown kind, or where CIFAR-10 cannot be read.
    Unfinished
        If the time is up.
    """
    if kind not in KINDS_OF_TRAINING:
        raise unknown_name("kind", kind, KINDS_OF_TRAINING)
    return context.part(part_name(kind), settings.plain_of(kind), lambda part: _trained(settings, kind, part))


def trained_module(settings: ResNetSettings, context: Context, kind: str, kept: Mapping[str, Any]) -> Any:
    """Return the module with the weights that `encoder_part` kept; no code of the file is run.

    Parameters
    ----------
    settings : ResNetSettings
    context : Context
    kind : {"contrastive", "supervised"}
    kept : mapping
        What `encoder_part` returned.

    Returns
    -------
    thinshell.training.ContrastiveModule or SupervisedModule

    Raises
    ------
    InputError
        If the file is missing or is not the one the part wrote.
    """
    from safetensors.torch import load

    path = _weights_path(context, kind)
    advice = f"delete {path.with_suffix('.json')} and run again with --resume to train it anew"
    try:
        whole = path.read_bytes()
    except OSError as error:
        raise InputError(f"the weights {path} cannot be read ({error.strerror or error}); {advice}") from error
    if hashlib.sha256(whole).hexdigest() != kept["weights_sha256"]:
        raise InputError(f"the weights {path} are not those that the run beside them wrote; {advice}")
    module = _recipe(settings, kind, context.seed)[0]()
    module.load_state_dict(load(whole))
    return module.eval()


def _trained(settings: ResNetSettings, kind: str, part: Part) -> dict[str, Any]:
    from safetensors.torch import save

    from thinshell.experiments.cifar_data import cifar_samples

    make, views = _recipe(settings, kind, part.context.seed)
    samples = cifar_samples(part.context.data_dir, settings.n_train, settings.n_test)
    module = make()
    initial = _digest(module.encoder.state_dict())
    fitted = part.fit(
        module,
        samples,
        views=views,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        precision=settings.precision,
        channels_last=settings.channels_last,
        compile_encoder=True,
    )
    whole = save({name: weights.cpu().contiguous() for name, weights in module.state_dict().items()})
    with replacing(_weights_path(part.context, kind)) as temporary:
        temporary.write_bytes(whole)
    return {
        "data": {"name": samples.name, **samples.facts},
        "weights_sha256": hashlib.sha256(whole).hexdigest(),
        "initial_weights": initial,
        "n_weights": sum(weights.numel() for weights in module.encoder.parameters()),
        "history": fitted.history,
        "training_seconds": fitted.seconds,
        "steps": fitted.steps,
    }


def _recipe(settings: ResNetSettings, kind: str, seed: int) -> Any:
    # By name: whoever reads the settings of the experiment does not load torch.
    models = importlib.import_module("thinshell.experiments.cifar_models")
    return getattr(models, f"{kind}_recipe")(settings, seed)


def _weights_path(context: Context, kind: str) -> Path:
    return context.runs / f"{part_name(kind)}.safetensors"


def _digest(state: Mapping[str, Any]) -> str:
    """SHA-256 of all weights: encoders that began alike have the same."""
    digest = hashlib.sha256()
    for weights in state.values():
        digest.update(weights.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
