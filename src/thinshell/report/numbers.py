"""Numbers as the tables print them: short, aligned, and a dash where there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

__all__ = ["MISSING", "count", "fixed", "interval", "percent", "rounded", "share"]

MISSING = "-"


def fixed(value: float | None, decimals: int = 2) -> str:
    """Return `value` with so many decimals, in powers of ten where that would leave only zeros.

    Examples
    --------
    >>> fixed(0.3842), fixed(11.9), fixed(2.2e-6), fixed(0), fixed(None)
    ('0.38', '11.90', '2.2e-6', '0.00', '-')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if value and abs(value) < 0.5 * 10.0**-decimals:
        return _scientific(value)
    if abs(value) >= 1e5:
        return _scientific(value)
    return f"{value:,.{decimals}f}"


def rounded(value: float | None, digits: int = 3) -> str:
    """Return `value` with so many significant digits, whatever its size.

    Examples
    --------
    >>> rounded(0.070523), rounded(12345.6), rounded(9.3e-7), rounded(-2.0), rounded(None)
    ('0.0705', '12,346', '9.3e-7', '-2', '-')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size < -4 or size > 8:
        return _scientific(value)
    text = f"{value:,.{max(digits - 1 - size, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def share(value: float | None) -> str:
    """Return a share in [0, 1] as per cent, with one decimal unless it is a whole number.

    A share just short of 1 (or just above 0) never rounds to 100 % (or 0 %).

    Examples
    --------
    >>> share(0.961), share(1.0), share(0.99996), share(0), share(None)
    ('96.1 %', '100 %', '99.9 %', '0 %', '-')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    per_cent = round(100 * value, 1)
    if value < 1:
        per_cent = min(per_cent, 99.9)
    if value > 0:
        per_cent = max(per_cent, 0.1)
    return f"{per_cent:.1f}".removesuffix(".0") + " %"


def percent(value: float | None, digits: int = 3) -> str:
    """Return a share as per cent with so many significant digits, for shares as small as those of tails.

    Examples
    --------
    >>> percent(0.0009), percent(0.29), percent(0.0), percent(None)
    ('0.09 %', '29 %', '0 %', '-')
    """
    number = rounded(None if value is None else 100 * value, digits)
    return number if number == MISSING else f"{number} %"


def count(value: float | None) -> str:
    """Return a whole number with thousands separated.

    Examples
    --------
    >>> count(2300), count(None)
    ('2,300', '-')
    """
    return MISSING if value is None or not math.isfinite(value) else f"{value:,.0f}"


def interval(ends: Sequence[float | None] | None, show: Callable[[float], str] = fixed) -> str:
    """Return ``[low, high]``, or nothing where there is no interval; an open end reads ``...``.

    Examples
    --------
    >>> interval([0.4251, 0.4618]), interval(None), interval([1900, None], count)
    ('[0.43, 0.46]', '', '[1,900, ...]')
    """
    if ends is None or all(end is None for end in ends):
        return ""
    low, high = ("..." if end is None else show(end) for end in ends)
    return f"[{low}, {high}]"


def _scientific(value: float) -> str:
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"
