"""How a diagnosis is to be made, checked once."""

from __future__ import annotations

import operator
from dataclasses import dataclass

from thinshell.errors import InputError, InputTypeError

__all__ = ["NORMALIZATIONS", "PROTOCOLS", "SPECTRA", "Options"]

PROTOCOLS = ("both", "paper", "full")
# Each repeat keeps two numbers a column.
MOST_REPEATS = 10_000
SPECTRA = ("all", "sample")
NORMALIZATIONS = ("none", "l2", "zscore", "whiten")


@dataclass(frozen=True)
class Options:
    """Choices that every printed number depends on.

    Attributes
    ----------
    protocol : {"both", "paper", "full"}
        Which of the two protocols to run.
    normalize : {"none", "l2", "zscore", "whiten"}
        What is done to the rows before anything is measured. "whiten" is ZCA: it keeps the axes, where a rotation
        to principal components would hide non-Gaussian coordinates.
    samples_per_test : int
        Rows of one test of the paper protocol, at least 8.
    repeats : int
        Tests averaged for each coordinate, from 1 to 10,000.
    seed : int
        Draws the rows of each test, the random directions and the simulated references; at least 0.
    drop_nonfinite : bool
        Leave rows with NaN or infinity out instead of refusing them.
    spectrum : {"all", "sample"}
        Rows that the covariance and its spectrum are taken from: all of them (above 4,096 columns the spectrum alone,
        by a randomised sketch), or the row sample, which is several times faster for large data.
    """

    protocol: str = "both"
    normalize: str = "none"
    samples_per_test: int = 250
    repeats: int = 20
    seed: int = 0
    drop_nonfinite: bool = False
    spectrum: str = "all"

    def __post_init__(self) -> None:
        _one_of("protocol", self.protocol, PROTOCOLS)
        _one_of("normalize", self.normalize, NORMALIZATIONS)
        _at_least("samples_per_test", self.samples_per_test, 8)
        _at_least("repeats", self.repeats, 1)
        if self.repeats > MOST_REPEATS:
            raise InputError(f"repeats must be at most {MOST_REPEATS:,}, got {self.repeats}; 20 are the paper's")
        _at_least("seed", self.seed, 0)
        _one_of("spectrum", self.spectrum, SPECTRA)


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


def _at_least(name: str, value: object, least: int) -> None:
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise InputTypeError(f"{name} must be a whole number, got {type(value).__name__}") from None
    if number < least:
        raise InputError(f"{name} must be at least {least}, got {number}; leave it out for the default")
