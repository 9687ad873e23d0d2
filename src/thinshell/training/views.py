"""Views by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from thinshell.errors import InputError, unknown_name
from thinshell.training.augmentations import CropFlip, SimCLRAugmentation
from thinshell.training.batches import Views
from thinshell.training.channels import BitFlips, ComponentDraws, GaussianChannel
from thinshell.training.samples import Samples

__all__ = ["VIEWS", "create_views"]

VIEWS: dict[str, Callable[..., Views]] = {
    "gaussian_channel": GaussianChannel,
    "component_draws": ComponentDraws,
    "bit_flips": BitFlips,
    "simclr": SimCLRAugmentation,
    "crop_flip": CropFlip,
}


def create_views(name: str, *, samples: Samples | None = None, **options: Any) -> Views:
    """Return what makes the views of a batch.

    Parameters
    ----------
    name : str
        ``"gaussian_channel"``, ``"component_draws"``, ``"bit_flips"``, ``"simclr"`` or ``"crop_flip"``.
    samples : Samples, optional
        What ``"component_draws"`` takes its components from, unless `means` and `std` are among the options.
    **options
        Parameters of the views.

    Returns
    -------
    callable
        ``views(rows, labels, generator)`` returns a tuple with one tensor a view.

    Raises
    ------
    InputError
        For an unknown name or option (with the nearest one), or a parameter out of its range.

    Examples
    --------
    >>> create_views("gaussian_channel", a=0.8)
    GaussianChannel(a=0.8, noise_std=0.2, dropout=0.1, scale_std=0.1)
    """
    if name not in VIEWS:
        raise unknown_name("views", name, VIEWS)
    allowed = list(inspect.signature(VIEWS[name]).parameters)
    for option in options:
        if option not in allowed:
            raise unknown_name(f"the option of views {name!r}", option, allowed)
    if name == "component_draws" and "means" not in options:
        if samples is None:
            raise InputError("component_draws needs the components: give means and std, or samples of gaussian_mixture")
        return ComponentDraws.of(samples)
    return VIEWS[name](**options)
