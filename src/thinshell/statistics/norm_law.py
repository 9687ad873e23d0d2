"""The law of the norm of a Gaussian vector with any spectrum and any mean: where the shell lies and how thick it is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = ["NormLaw", "offset_nodes"]

# Eigenvalues kept one by one; the rest are joined in groups. The largest ones set the far tail.
_LEADING = 8
# Joined eigenvalues differ by at most this factor. A group keeps its sum and its sum of squares, so mean and variance
# of the squared norm are exact; its sum of cubes is off by under 2 % (uniform on a log scale: a squared CV of .014).
_GROUP_RATIO = 1.5
# Everything below this share of the largest eigenvalue is one group: its variance is 1e-12 of the whole.
_SMALLEST_SHARE = 1e-6
_BISECTIONS = 50
# The integrand is followed until it has fallen by exp(-30) = 1e-13 against its start, in this many steps.
_FALL, _POINTS = 30.0, 120


def offset_nodes(squared: float, first: float, second: float) -> tuple[float, float, float]:
    """Two-point Gauss-Radau rule, one node at 0, for the moments of the mean m over the eigenvalues of S.

    Returns ``|m|^2`` at eigenvalue 0, ``|m|^2`` at the other node, and that node.
    """
    if min(squared, first) <= 0:
        return squared, 0.0, 0.0
    # Cauchy-Schwarz holds for the moments themselves; their estimates may break it.
    moving = min(squared, first**2 / second) if second > 0 else squared
    return squared - moving, moving, first / moving


@dataclass(frozen=True)
class NormLaw:
    """Law of ``|x|`` for x ~ N(m, S).

    Attributes
    ----------
    eigenvalues : ndarray of shape (n_features,)
        Of S, non-negative, lengths in `unit`.
    offset : tuple of three floats
        ``|m|^2``, ``m'Sm`` and ``m'S^2 m`` in the same unit; zeros for a centred law. They stand for m as in
        `spectral_norm_cv`: mean, variance and third cumulant of the squared norm are those of m itself.
    unit : float
        Length of one unit in that of the data.

    Examples
    --------
    >>> law = NormLaw(np.ones(2))  # Rayleigh: P(|x| <= r) = 1 - exp(-r^2 / 2)
    >>> law.cdf(np.array([0.0, 1.0, 2.0])).round(6)
    array([0.      , 0.393469, 0.864665])
    """

    eigenvalues: np.ndarray = field(repr=False)
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    unit: float = 1.0

    def cdf(self, norms: np.ndarray) -> np.ndarray:
        """Return P(|x| <= norm) for each of `norms`, to about 1e-8 (1e-3 where eigenvalues were joined).

        The squared norm has the cumulant function ``K(s) = -1/2 sum log(1 - 2 s lambda) + s m'(1 - 2 s S)^-1 m``; its
        tail is the inverse Laplace integral of ``exp(K(s) - s x) / s`` along a parabola through the saddle point.

        References
        ----------
        Rice (1980), "Distribution of quadratic forms in normal random variables", SIAM J. Sci. Stat. Comput. 1 (saddle
        contours); Imhof (1961), "Computing the distribution of quadratic forms in normal variables", Biometrika 48
        (the mean).
        """
        x = (np.asarray(norms, dtype=np.float64) / self.unit) ** 2
        values, counts = _grouped(self.eigenvalues)
        still, moving, node = offset_nodes(*self.offset)
        if not len(values):
            return (x >= still + moving).astype(np.float64)
        # An estimated node may lie beyond the spectrum, where no quadratic form has its pole.
        form = _Form(values, counts, moving, min(node, float(values[0])))
        above = x > still
        out = np.zeros(x.shape)
        if above.any():
            out[above] = form.cdf(x[above] - still)
        return out


def _grouped(eigenvalues: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return different eigenvalues, largest first, with how often each occurs, which may be a fraction."""
    values = np.sort(eigenvalues[eigenvalues > 0])[::-1]
    if len(values) <= _LEADING:
        return values, np.ones(len(values))
    rest = values[_LEADING:]
    steps = np.log(np.maximum(rest / values[0], _SMALLEST_SHARE)) / np.log(_GROUP_RATIO)
    group = np.unique(np.floor(steps - steps.max()), return_inverse=True)[1]
    sums, squares = (np.bincount(group, weights=rest**k) for k in (1, 2))
    joined = np.r_[values[:_LEADING], (squares / sums)[::-1]]
    return joined, np.r_[np.ones(_LEADING), (sums**2 / squares)[::-1]]


@dataclass(frozen=True)
class _Form:
    """The sum of ``counts * values * chi2_1``, displaced by `moving` along directions of variance `node`."""

    values: np.ndarray
    counts: np.ndarray
    moving: float
    node: float

    def exponent(self, s: np.ndarray) -> np.ndarray:
        """K(s) for complex s on or above the real axis."""
        real, imag = np.real(s), np.imag(s)
        log_size, angle = np.zeros(s.shape), np.zeros(s.shape)
        # Twice as fast as complex logarithms; the argument stays in the lower half-plane.
        for value, count in zip(self.values, self.counts, strict=True):
            across, down = 1.0 - 2.0 * value * real, -2.0 * value * imag
            log_size += (0.25 * count) * np.log(across * across + down * down)
            angle += (0.5 * count) * np.arctan2(down, across)
        return self.moving * s / (1.0 - 2.0 * self.node * s) - (log_size + 1j * angle)

    def slopes(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """K'(s) and K''(s) for real s below the pole."""
        near, far = 1.0 - 2.0 * np.multiply.outer(s, self.values), 1.0 - 2.0 * self.node * s
        first = (self.counts * self.values / near).sum(axis=-1) + self.moving / far**2
        second = 2.0 * (self.counts * self.values**2 / near**2).sum(axis=-1) + 4.0 * self.moving * self.node / far**3
        return first, second

    def cdf(self, x: np.ndarray) -> np.ndarray:
        """Return P(form <= x) for positive x of shape (n_points,)."""
        mean = float((self.counts * self.values).sum()) + self.moving
        upper, pole = x >= mean, 0.5 / float(self.values[0])
        c = self._saddle_points(x, upper, pole)
        width = (1.0 / np.sqrt(self.slopes(c)[1] + 1.0 / c**2))[:, None]
        bend = (0.5 / (pole - np.minimum(c, 0.0)))[:, None]
        x, c = x[:, None], c[:, None]
        top = np.real(self.exponent(c + 0j)) - c * x
        end = 4.0 * width
        while True:
            s = c + 1j * end + bend * end * end
            running = np.real(self.exponent(s) - s * x) - top > -_FALL
            if not running.any():
                break
            end = np.where(running, 1.4 * end, end)
        # Steps grow with the distance from the saddle point: in few dimensions the integrand has a long tail.
        u = np.arcsinh(end / width) * np.linspace(0.0, 1.0, _POINTS)
        t = width * np.sinh(u)
        s = c + 1j * t + bend * t * t
        with np.errstate(under="ignore"):
            heights = (np.exp(self.exponent(s) - s * x - top) * (1j + 2.0 * bend * t) / s).imag * width * np.cosh(u)
            heights[:, 0] *= 0.5
            integral = np.exp(top[:, 0]) * heights.sum(axis=1) * u[:, 1] / np.pi
        # Right of the pole at s = 0 it is P(form > x), left of it that less one.
        return np.clip(np.where(upper, 1.0 - integral, -integral), 0.0, 1.0)

    def _saddle_points(self, x: np.ndarray, upper: np.ndarray, pole: float) -> np.ndarray:
        """Return c with K'(c) - 1/c = x, above 0 where `upper` and below elsewhere, by bisection."""
        # Below zero (1 + y)^2 >= 4 y and 1 + y >= y bound the terms of K'.
        furthest = 0.5 * self.counts.sum() + 1.0 + (0.125 * self.moving / self.node if self.node > 0 else 0.0)
        low, high = np.where(upper, 0.0, -furthest / x), np.where(upper, pole, 0.0)
        for _ in range(_BISECTIONS):
            c = 0.5 * (low + high)
            below = self.slopes(c)[0] - 1.0 / c < x
            low, high = np.where(below, c, low), np.where(below, high, c)
        return 0.5 * (low + high)
