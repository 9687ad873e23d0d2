"""Spectrum measures of the embeddings as they are, mean included: RankMe and partition-function isotropy."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh
from scipy.special import logsumexp

from thinshell.statistics._columns import column_means, smaller_gram
from thinshell.statistics._validation import as_sample
from thinshell.statistics.spectrum import descending_eigenvalues

__all__ = ["partition_isotropy", "rankme"]

# RankMe adds this to every normalised singular value (Garrido et al. 2023, Eq. 1, "epsilon = 1e-7 for
# float32").
RANKME_EPSILON = 1e-7


def rankme(embeddings: object, *, known_covariance: np.ndarray | None = None) -> float:
    """RankMe: exponential of the entropy of the normalised singular values of the *uncentred* data matrix.

    Parameters
    ----------
    embeddings : array_like of shape (n_samples, n_features)
        The representation as it is; a large mean therefore counts as one dominating direction.
    known_covariance : ndarray of shape (n_features, n_features), optional
        Sample covariance of these rows, if it is at hand and there are no more columns than rows.

    Returns
    -------
    float
        Between 1 and about min(n_samples, n_features); NaN when every entry is zero.

    Raises
    ------
    InputError
        Not finite, or not 1-D/2-D.

    References
    ----------
    Garrido, Q., Balestriero, R., Najman, L. and LeCun, Y. (2023). RankMe: assessing the downstream
    performance of pretrained self-supervised representations by their rank. ICML, Eq. 1 and 2.

    Examples
    --------
    >>> round(rankme([[1.0, 0.0], [0.0, 1.0]]), 3)
    2.0
    """
    sample = as_sample(embeddings, "embeddings")
    if known_covariance is None:
        gram = smaller_gram(sample, 0.0)
    else:
        means = column_means(sample)
        gram = known_covariance * (len(sample) - 1) + len(sample) * np.outer(means, means)
    singular = np.sqrt(descending_eigenvalues(gram, min(sample.shape)))
    if not singular.any():
        return float("nan")
    p = singular / singular.sum() + RANKME_EPSILON
    return float(np.exp(-(p * np.log(p)).sum()))


def partition_isotropy(embeddings: object) -> float:
    """Isotropy of the partition function: ``min_a Z(a) / max_a Z(a)``, ``Z(a) = sum_i exp(a . x_i)``.

    `a` runs over both signs of the eigenvectors of ``X'X``, as Mu & Viswanath propose. The value depends on
    the unit of the embeddings (theirs are word vectors used as they come): l2-normalise or scale first if
    clouds of different norms are to be compared.

    Parameters
    ----------
    embeddings : array_like of shape (n_samples, n_features)
        Not centred here.

    Returns
    -------
    float
        In [0, 1]; 1 means every direction sees the same partition function.

    Raises
    ------
    InputError
        Not finite, or not 1-D/2-D.

    References
    ----------
    Mu, J. and Viswanath, P. (2018). All-but-the-top: simple and effective postprocessing for word
    representations. ICLR, Section 2.2; Arora, S. et al. (2016). TACL 4, 385-399.

    Examples
    --------
    >>> partition_isotropy([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    1.0
    """
    sample = as_sample(embeddings, "embeddings").astype(np.float64, copy=False)
    _, axes = eigh(sample.T @ sample, check_finite=False)
    scores = sample @ axes
    # Eigenvectors have no sign of their own, so each is taken with both.
    log_z = np.asarray(logsumexp(np.concatenate([scores, -scores], axis=1), axis=0))
    return float(np.exp(log_z.min() - log_z.max()))
