"""Out of distribution: what the scores of a Gaussian tell from CIFAR-10, on two encoders and on pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from thinshell.experiments.cifar_columns import seconds_of
from thinshell.experiments.cifar_settings import ResNetSettings
from thinshell.experiments.experiment import Experiment, Picture
from thinshell.experiments.needs import check_scikit_learn
from thinshell.experiments.ood_encoders import KINDS_OF_TRAINING, encoder_part, part_name
from thinshell.experiments.ood_pictures import draw_detection
from thinshell.experiments.ood_tables import ood_tables
from thinshell.experiments.settings import as_plain

if TYPE_CHECKING:
    from thinshell.experiments.context import Context

__all__ = ["HEADLINE", "OOD", "OodSettings"]

LAYERS = ("projection", "representation")
HEADLINE = "projection"
PIXELS = "pixels"
# Seconds of one core for the scores of a space; only for the progress bar.
_SCORING = {"projection": 60.0, "representation": 60.0, PIXELS: 600.0}

# The usual small network for pictures of 32x32: 80 thousand weights, labels on z.
_TRAINING = ResNetSettings(epochs=15, every_n_epochs=3)
_QUICK_TRAINING = replace(_TRAINING, n_train=4_000, n_test=2_000, epochs=4, batch_size=128)


@dataclass(frozen=True)
class OodSettings:
    """Two encoders, a Gaussian on each layer and on the pixels, and sets that are not CIFAR-10.

    Attributes
    ----------
    training : ResNetSettings
        Of both encoders.
    covariance : str
        A name of ``thinshell.gaussian.COVARIANCES``.
    cifar100_dir : str
        Folder of CIFAR-100 (``ood_*.avif`` or ``test.bin``); empty: ``cifar100_ood`` or ``cifar-100-binary`` in the
        data folder, or none.
    n_out : int
        Pictures of each set that is not CIFAR-10.
    blur_sigmas : tuple of float
        Standard deviations of the Gaussian blur, in pixels.
    n_neighbours : int
        Of the kNN distance.
    n_bootstrap : int
        Resamples behind each interval.
    """

    training: ResNetSettings = _TRAINING
    covariance: str = "ledoit_wolf"
    cifar100_dir: str = ""
    n_out: int = 5_000
    blur_sigmas: tuple[float, ...] = (1.0, 2.0)
    n_neighbours: int = 50
    n_bootstrap: int = 1_000


def _run(settings: OodSettings, context: Context) -> dict[str, Any]:
    check_scikit_learn("ood")
    from thinshell.experiments.ood_runs import space_part

    spaces = [(kind, layer) for kind in KINDS_OF_TRAINING for layer in LAYERS] + [(PIXELS, PIXELS)]
    units = {part_name(kind): seconds_of(settings.training, kind) for kind in KINDS_OF_TRAINING}
    scoring = {_space_name(*space): _SCORING[space[1]] * settings.training.n_train / 50_000 for space in spaces}
    context.plan(units | scoring)
    encoders = {kind: encoder_part(settings.training, context, kind) for kind in KINDS_OF_TRAINING}
    measured = {}
    for kind, layer in spaces:
        kept = encoders.get(kind)
        asked = as_plain(settings) | {"weights_sha256": None if kept is None else kept["weights_sha256"]}
        measured[_space_name(kind, layer)] = context.part(
            f"scores-{_space_name(kind, layer)}",
            asked,
            lambda part, kind=kind, layer=layer, kept=kept: space_part(settings, part.context, kind, layer, kept),
        )
    return {"encoders": encoders, "spaces": measured, "headline": HEADLINE}


def _space_name(kind: str, layer: str) -> str:
    return kind if kind == PIXELS else f"{kind}-{layer}"


_SETTINGS = OodSettings()

OOD = Experiment(
    name="ood",
    summary="CIFAR-10 against other pictures: every score of a Gaussian, on two encoders and on pixels",
    place="",
    settings=_SETTINGS,
    quick=replace(_SETTINGS, training=_QUICK_TRAINING, n_out=1_000, n_bootstrap=200),
    run=_run,
    tables=ood_tables,
    pictures=(Picture("auroc", (11.0, 5.2), draw_detection),),
    notes=(
        "The headline layer, fixed before any number was seen, is z: the one linear layer that the loss or the "
        "classifier sees and that the paper's claim is about. h, the pooled ReLU features before it, stands below.",
        "Gaussian and kNN are fitted to embeddings of the training pictures, without augmentation; what counts as "
        "known are the test pictures. Nothing was chosen by the sets that are not known.",
        "Log-density, bits per dimension, squared Mahalanobis distance and p-value order rows alike: one Gaussian, "
        "four units. Where the p-value differs it has come to 0 for rows that the distance still orders.",
        "The blurred pictures are made of test pictures; the intervals treat both sets as drawn independently.",
    ),
)
