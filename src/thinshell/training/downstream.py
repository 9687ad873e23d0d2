"""What frozen features are good for: the two scores that stand beside every comparison."""

from __future__ import annotations

import torch
from torch import nn

from thinshell.errors import InputError
from thinshell.monitoring import knn_accuracy, linear_probe_accuracy
from thinshell.training.embedding import embed
from thinshell.training.samples import Samples

__all__ = ["downstream_scores", "has_classes"]


def has_classes(samples: Samples) -> bool:
    """Return whether both splits are labelled, the training rows with two classes at least.

    Examples
    --------
    >>> from thinshell.training import gaussian_mixture, laplace
    >>> has_classes(gaussian_mixture(60, 20, 4)), has_classes(laplace(60, 20, 4))
    (True, False)
    """
    labels = samples.train_labels
    return labels is not None and samples.test_labels is not None and len(labels.unique()) > 1


def downstream_scores(
    encoder: nn.Module | None,
    samples: Samples,
    *,
    n_train: int | None = None,
    device: str | torch.device = "cpu",
) -> dict[str, float]:
    """Judge a frozen encoder by the labels of the test rows.

    Parameters
    ----------
    encoder : Module or None
        Whose output is judged; None judges the inputs themselves.
    samples : Samples
        With labels in both splits.
    n_train : int, optional
        Training rows that the scores learn from, the first ones; all when not given.
    device : str or torch.device
        Where the encoder runs and the scores are computed.

    Returns
    -------
    dict
        ``knn``: accuracy of the 20 nearest neighbours in cosine; ``linear_probe``: of a linear classifier; both in
        [0, 1].

    Raises
    ------
    InputError
        If there are no labels.

    References
    ----------
    Wu et al. (2018), "Unsupervised feature learning via non-parametric instance discrimination" (kNN); Alain & Bengio
    (2016), "Understanding intermediate layers using linear classifier probes".

    Examples
    --------
    >>> from thinshell.training import gaussian_mixture
    >>> scores = downstream_scores(None, gaussian_mixture(400, 100, 16, n_components=4, mean_std=2.0))
    >>> scores["knn"] > 0.9, scores["linear_probe"] > 0.9
    (True, True)
    """
    if not has_classes(samples):
        raise InputError(f"samples must have labels of two classes or more in both splits, got none in {samples.name}")
    rows, labels = samples.train[:n_train], samples.train_labels
    train, test = (
        part.flatten(1).float().numpy() if encoder is None else embed(encoder, part, device=device)
        for part in (rows, samples.test)
    )
    place = torch.device(device)
    features = (torch.from_numpy(part).to(place) for part in (train, test))
    # Both scores are computed where the features are: on a GPU in seconds, where the CPU takes minutes.
    labelled = (next(features), labels[: len(rows)], next(features), samples.test_labels)  # type: ignore[index]
    return {"knn": knn_accuracy(*labelled), "linear_probe": linear_probe_accuracy(*labelled)}
