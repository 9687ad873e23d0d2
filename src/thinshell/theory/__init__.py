"""Closed forms and bounds of *InfoNCE Induces Gaussian Distribution*, each computed stably and checked."""

from thinshell.statistics.norms import chi_cv
from thinshell.theory.bounds import alignment_bound, beta0, radius_cdf, radius_cv, radius_mean
from thinshell.theory.dagostino_pearson import dagostino_pearson_rate, expected_dagostino_pearson
from thinshell.theory.mildness import eta2_bit_flips, eta2_erasure, eta2_gaussian_channel
from thinshell.theory.mildness_bounds import (
    MildnessEstimate,
    eta2_ace_bound,
    eta2_kernel_bound,
    eta2_linear_bound,
    eta2_lower_bound,
)
from thinshell.theory.particles import Particles, particles_minimizing_phi
from thinshell.theory.potential import infonce_lower_bound, mean_cosine, phi, phi_between, phi_uniform
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
    "Particles",
    "alignment_bound",
    "anderson_darling_rate",
    "beta0",
    "chi_cv",
    "coordinate_cdf",
    "coordinate_excess_kurtosis",
    "coordinate_pdf",
    "coordinate_ppf",
    "dagostino_pearson_rate",
    "eta2_ace_bound",
    "eta2_bit_flips",
    "eta2_erasure",
    "eta2_gaussian_channel",
    "eta2_kernel_bound",
    "eta2_linear_bound",
    "eta2_lower_bound",
    "expected_anderson_darling",
    "expected_dagostino_pearson",
    "infonce_lower_bound",
    "maxwell_poincare_tv",
    "maxwell_poincare_tv_exact",
    "mean_cosine",
    "particles_minimizing_phi",
    "phi",
    "phi_between",
    "phi_uniform",
    "radius_cdf",
    "radius_cv",
    "radius_mean",
]
