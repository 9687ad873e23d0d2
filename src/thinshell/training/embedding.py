"""Embeddings of many rows, in batches."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from thinshell.errors import InputError
from thinshell.training.pixels import as_floats

__all__ = ["embed"]


@torch.no_grad()
def embed(
    encoder: nn.Module, inputs: Tensor | np.ndarray, *, batch_size: int = 1024, device: str | torch.device = "cpu"
) -> np.ndarray:
    """Return what `encoder` makes of each input, in evaluation mode and without gradients.

    Parameters
    ----------
    encoder : torch.nn.Module
        Maps a batch to (n, n_features). It is moved to `device` and left there, in the mode it was in.
    inputs : Tensor or ndarray
        Rows (n, n_features) or pictures (n, channels, height, width); bytes are normalised by :func:`as_floats`.
    batch_size : int
        Rows a pass, at least 1.
    device : str or torch.device
        Where the encoder runs.

    Returns
    -------
    ndarray of float32 of shape (n, n_features)
        Not normalised.

    Raises
    ------
    InputError
        If `batch_size` is below 1 or there are no rows.

    Examples
    --------
    >>> from thinshell.training import create_encoder
    >>> embed(create_encoder("linear", n_inputs=8, n_features=4), torch.ones(10, 8), batch_size=3).shape
    (10, 4)
    """
    if batch_size < 1:
        raise InputError(f"batch_size must be at least 1, got {batch_size}")
    rows = torch.as_tensor(inputs)
    if len(rows) == 0:
        raise InputError("inputs must have at least one row, got none")
    modes = [(part, part.training) for part in encoder.modules()]  # parts may be frozen one by one
    encoder.to(device).eval()
    try:
        blocks = [encoder(as_floats(block.to(device))).float().cpu().numpy() for block in rows.split(batch_size)]
    finally:
        for part, mode in modes:
            part.training = mode
    return np.concatenate(blocks)
