"""The Gaussian model: likelihood, distances, calibration and divergences of embeddings, in closed form."""

from thinshell.gaussian.calibration import calibrate, in_sample_pit, pit
from thinshell.gaussian.class_conditional import ClassConditionalGaussian
from thinshell.gaussian.covariance import COVARIANCES, FittedCovariance, estimate_covariance
from thinshell.gaussian.detection import detection_metrics, knn_distance, max_softmax, norm_score
from thinshell.gaussian.fitting import fit_data, fit_report
from thinshell.gaussian.information import (
    canonical_correlations,
    frechet_distance,
    gaussian_entropy,
    gaussian_kl,
    gaussian_mutual_information,
)
from thinshell.gaussian.model import GaussianModel
from thinshell.gaussian.paired import PairedGaussian
from thinshell.gaussian.radius import RADII, RadiusLaw
from thinshell.gaussian.scores import BASELINES, SCORES, Score, oddness, score_table, scores_of
from thinshell.gaussian.scoring_files import score_data
from thinshell.gaussian.storage import is_model_file, load_model, provenance_of, save_model
from thinshell.gaussian.sums import CovarianceSums
from thinshell.gaussian.whitener import Whitener
from thinshell.gaussian.whitening import whitening_report
from thinshell.gaussian.whitening_files import whiten_data

__all__ = [
    "BASELINES",
    "COVARIANCES",
    "RADII",
    "SCORES",
    "ClassConditionalGaussian",
    "CovarianceSums",
    "FittedCovariance",
    "GaussianModel",
    "PairedGaussian",
    "RadiusLaw",
    "Score",
    "Whitener",
    "calibrate",
    "canonical_correlations",
    "detection_metrics",
    "estimate_covariance",
    "fit_data",
    "fit_report",
    "frechet_distance",
    "gaussian_entropy",
    "gaussian_kl",
    "gaussian_mutual_information",
    "in_sample_pit",
    "is_model_file",
    "knn_distance",
    "load_model",
    "max_softmax",
    "norm_score",
    "oddness",
    "pit",
    "provenance_of",
    "save_model",
    "score_data",
    "score_table",
    "scores_of",
    "whiten_data",
    "whitening_report",
]
