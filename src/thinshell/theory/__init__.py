"""Closed forms and bounds of *InfoNCE Induces Gaussian Distribution*, each computed stably and checked."""

from thinshell.theory.bounds import alignment_bound, beta0, radius_cdf, radius_cv, radius_mean
from thinshell.theory.mildness import (
    MildnessEstimate,
    eta2_bit_flips,
    eta2_erasure,
    eta2_gaussian_channel,
    eta2_linear_bound,
)
from thinshell.theory.potential import infonce_lower_bound, mean_cosine, phi, phi_uniform
from thinshell.theory.sphere import (
    anderson_darling_rate,
    coordinate_cdf,
    coordinate_excess_kurtosis,
    coordinate_pdf,
    coordinate_ppf,
    expected_anderson_darling,
    maxwell_poincare_tv,
    maxwell_poincare_tv_exact,
)

__all__ = [
    "MildnessEstimate",
    "alignment_bound",
    "anderson_darling_rate",
    "beta0",
    "coordinate_cdf",
    "coordinate_excess_kurtosis",
    "coordinate_pdf",
    "coordinate_ppf",
    "eta2_bit_flips",
    "eta2_erasure",
    "eta2_gaussian_channel",
    "eta2_linear_bound",
    "expected_anderson_darling",
    "infonce_lower_bound",
    "maxwell_poincare_tv",
    "maxwell_poincare_tv_exact",
    "mean_cosine",
    "phi",
    "phi_uniform",
    "radius_cdf",
    "radius_cv",
    "radius_mean",
]
