"""From hidden states to one vector."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from thinshell.errors import InputError

__all__ = ["flat", "masked_mean", "pool_tokens", "special_tokens"]


def flat(pooled: Tensor) -> Tensor:
    """Return (n, features) from what convolutional networks pool to, (n, features, 1, 1)."""
    return pooled.flatten(1)


def masked_mean(hidden: Tensor, mask: Tensor | None) -> Tensor:
    """Mean over tokens, those of padding left out.

    Examples
    --------
    >>> masked_mean(torch.tensor([[[1.0], [3.0], [99.0]]]), torch.tensor([[1, 1, 0]]))
    tensor([[2.]])
    """
    if mask is None:
        return hidden.mean(dim=1)
    weights = mask[..., None].to(hidden.dtype)
    # As sentence-transformers: a text without tokens is zero, not NaN.
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-9)


def pool_tokens(hidden: Tensor, pooling: str, mask: Tensor | None, special: int) -> Tensor:
    """Pool hidden states.

    Parameters
    ----------
    hidden : Tensor of shape (n, tokens, features) or (n, features, height, width)
        Of a transformer, or a feature map.
    pooling : {"cls", "mean", "last"}
        First token, mean, or the last token that is not padding.
    mask : Tensor of shape (n, tokens), optional
        1 for tokens, 0 for padding.
    special : int
        Leading tokens that are no patches: the mean leaves them out.

    Returns
    -------
    Tensor of shape (n, features)

    Raises
    ------
    InputError
        If a feature map is to be pooled to a token it has not.

    Examples
    --------
    >>> hidden = torch.arange(6.0).reshape(1, 3, 2)
    >>> pool_tokens(hidden, "cls", None, 1), pool_tokens(hidden, "mean", None, 1)
    (tensor([[0., 1.]]), tensor([[3., 4.]]))
    """
    if hidden.ndim == 4:
        if pooling != "mean":
            raise InputError(
                f"pooling must be 'mean' for the feature map of a convolutional network, got {pooling!r}; it has no "
                "tokens"
            )
        return hidden.mean(dim=(2, 3))
    if pooling == "cls":
        return hidden[:, 0]
    if pooling == "mean":
        return masked_mean(hidden, mask) if mask is not None else hidden[:, special:].mean(dim=1)
    if mask is None:
        return hidden[:, -1]
    # The last 1 of every mask, on whichever side the padding is.
    last = mask.shape[1] - 1 - mask.flip(1).argmax(dim=1)
    return hidden[torch.arange(len(hidden), device=hidden.device), last]


def special_tokens(config: Any) -> int:
    """Class and register tokens before the patches of a vision transformer."""
    return 1 + int(getattr(config, "num_register_tokens", 0) or 0)
