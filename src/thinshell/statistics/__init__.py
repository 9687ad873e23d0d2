"""Pure functions on arrays: moments, normality tests, norms, sphere, spectrum, joint checks.

Every function takes samples in rows and features in columns, float32 or float64 (integers and float16 are widened),
and returns plain numbers, arrays or frozen results.
"""

from thinshell.statistics._results import NormalityResult
from thinshell.statistics.anderson_darling import anderson_darling, anderson_darling_null_mean
from thinshell.statistics.cosines import (
    CosineSummary,
    negative_cosines,
    pair_cosines,
    sphere_cosine_cdf,
    sphere_cosine_quantiles,
)
from thinshell.statistics.dagostino_pearson import dagostino_pearson, dagostino_pearson_from_moments
from thinshell.statistics.epps_pulley import epps_pulley
from thinshell.statistics.henze_zirkler import BhepResult, HenzeZirklerResult, bhep, henze_zirkler
from thinshell.statistics.jarque_bera import jarque_bera
from thinshell.statistics.mardia import MardiaCheck, MardiaResult, mardia, mardia_skewness_check
from thinshell.statistics.modality_gap import ModalityGap, modality_gap
from thinshell.statistics.moments import Moments, moments
from thinshell.statistics.multiplicity import benjamini_hochberg, cauchy_combination, holm
from thinshell.statistics.norms import NormConcentration, chi_cv, norm_concentration
from thinshell.statistics.principal_axes import PrincipalAxesResult, principal_axes_test
from thinshell.statistics.projections import SlicedResult, project, random_directions, sliced, zscore
from thinshell.statistics.rejection_share import RejectionShare, rejection_share
from thinshell.statistics.spectrum import (
    SpectrumReference,
    covariance_eigenvalues,
    effective_rank,
    explained_by,
    gaussian_spectrum_reference,
    isotropy,
    participation_ratio,
)
from thinshell.statistics.sphere import (
    MeanDirection,
    alignment,
    l2_normalize,
    mean_direction,
    uniformity,
    uniformity_of_sphere,
)
from thinshell.statistics.squared_correlation import SquaredCorrelationResult, squared_correlation
from thinshell.statistics.thin_shell import SpectrumNormResult, spectrum_norm_test
from thinshell.statistics.two_sample import (
    TwoSampleResult,
    kolmogorov_smirnov_test,
    mean_difference_test,
    mean_vector_pvalue,
    variance_ratio_test,
)
from thinshell.statistics.uncentred import partition_isotropy, rankme

__all__ = [
    "BhepResult",
    "CosineSummary",
    "HenzeZirklerResult",
    "MardiaCheck",
    "MardiaResult",
    "MeanDirection",
    "ModalityGap",
    "Moments",
    "NormConcentration",
    "NormalityResult",
    "PrincipalAxesResult",
    "RejectionShare",
    "SlicedResult",
    "SpectrumNormResult",
    "SpectrumReference",
    "SquaredCorrelationResult",
    "TwoSampleResult",
    "alignment",
    "anderson_darling",
    "anderson_darling_null_mean",
    "benjamini_hochberg",
    "bhep",
    "cauchy_combination",
    "chi_cv",
    "covariance_eigenvalues",
    "dagostino_pearson",
    "dagostino_pearson_from_moments",
    "effective_rank",
    "epps_pulley",
    "explained_by",
    "gaussian_spectrum_reference",
    "henze_zirkler",
    "holm",
    "isotropy",
    "jarque_bera",
    "kolmogorov_smirnov_test",
    "l2_normalize",
    "mardia",
    "mardia_skewness_check",
    "mean_difference_test",
    "mean_direction",
    "mean_vector_pvalue",
    "modality_gap",
    "moments",
    "negative_cosines",
    "norm_concentration",
    "pair_cosines",
    "participation_ratio",
    "partition_isotropy",
    "principal_axes_test",
    "project",
    "random_directions",
    "rankme",
    "rejection_share",
    "sliced",
    "spectrum_norm_test",
    "sphere_cosine_cdf",
    "sphere_cosine_quantiles",
    "squared_correlation",
    "uniformity",
    "uniformity_of_sphere",
    "variance_ratio_test",
    "zscore",
]
