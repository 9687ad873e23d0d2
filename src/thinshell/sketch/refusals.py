"""What a sketch does not take in, in a sentence; the same for arrays and for tensors."""

from __future__ import annotations

from collections.abc import Sequence

from thinshell.errors import InputError

__all__ = ["LARGEST", "LISTED", "refuse_large", "refuse_nonfinite", "refuse_shape"]

# Sums over 1e12 rows of fourth powers of anything below this stay finite in float64.
LARGEST = 1e70
# Row numbers listed in an error; more would bury the sentence.
LISTED = 5


def refuse_shape(shape: tuple[int, ...], n_features: int | None) -> None:
    """Raise unless `shape` is that of rows of `n_features` values, of any length where that is None."""
    if len(shape) != 2:
        raise InputError(f"block must have shape (n_samples, n_features), got shape {shape}; give one 2-D part of it")
    if n_features is not None and shape[1] != n_features:
        raise InputError(
            f"block must have {n_features} columns like the rows before it, got {shape[1]}; "
            "use one sketch for each kind of embedding"
        )


def refuse_nonfinite(rows: Sequence[int], count: int) -> None:
    """Raise for `count` rows that are not finite, whose numbers start with `rows`."""
    listed = ", ".join(f"{row:,}" for row in rows[:LISTED]) + (", …" if count > LISTED else "")
    noun = "row holds" if count == 1 else "rows hold"
    raise InputError(
        f"{count:,} {noun} NaN or infinity (row {listed}); repair them, or leave them out with drop_nonfinite"
    )


def refuse_large(norm: float) -> None:
    """Raise if a row of this norm is too long."""
    if norm > LARGEST:
        raise InputError(
            f"values must stay below {LARGEST:g} so that their fourth powers fit float64, got a row of norm "
            f"{norm:.3g}; divide the embeddings by a constant"
        )
