"""Where a run computes, and with how many bits."""

from __future__ import annotations

import re

import torch

from thinshell.errors import InputError

__all__ = ["PRECISIONS", "check_device_name", "choose_device"]

# Our names and Lightning's.
PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed"}


def choose_device(device: str) -> torch.device:
    """Return the device that a name stands for.

    Parameters
    ----------
    device : str
        ``"auto"`` (the first GPU if there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Returns
    -------
    torch.device

    Raises
    ------
    InputError
        For another name, or a GPU that is not there.

    Examples
    --------
    >>> choose_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    if device == "cpu":
        return torch.device("cpu")
    check_device_name(device)
    number, available = int(device.partition(":")[2] or 0), torch.cuda.device_count()
    if number >= available:
        raise InputError(f"device {device!r} is not there: PyTorch sees {available} GPUs; use 'auto' or 'cpu'")
    return torch.device("cuda", number)


def check_device_name(device: str) -> None:
    """Say what is wrong with the name of a device, if anything is; whether it is there is not asked."""
    if not isinstance(device, str) or not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise InputError(
            f"device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got {device!r}; 'auto' takes a GPU if there is one"
        )
