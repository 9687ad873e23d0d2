"""Short numbers: nothing overstated, nothing lost that the table claims to show."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinshell.report.numbers import count, fixed, interval, rounded, share

FINITE = st.floats(min_value=-1e12, max_value=1e12, allow_nan=False)


@given(value=FINITE)
@settings(deadline=None, max_examples=200)
def test_rounded_is_within_half_a_unit_of_the_last_digit(value: float) -> None:
    shown = float(rounded(value).replace(",", ""))
    # Two significant digits where it falls back on powers of ten, three elsewhere.
    assert math.isclose(shown, value, rel_tol=0.0501)


@given(value=FINITE)
@settings(deadline=None, max_examples=200)
def test_fixed_is_never_zero_for_what_is_not_zero(value: float) -> None:
    shown = float(fixed(value).replace(",", ""))
    assert (shown == 0) == (value == 0)
    assert math.isclose(shown, value, rel_tol=0.0501, abs_tol=0.00501)


@given(value=st.floats(min_value=0, max_value=1))
@settings(deadline=None, max_examples=200)
def test_share_says_all_and_none_only_when_true(value: float) -> None:
    text = share(value)
    assert (text == "100 %") == (value == 1)
    assert (text == "0 %") == (value == 0)
    assert abs(float(text.removesuffix(" %")) - 100 * value) <= 0.1


@pytest.mark.parametrize("show", [fixed, rounded, share, count])
@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_missing_is_a_dash(show, value) -> None:
    assert show(value) == "-"


@pytest.mark.parametrize(
    ("ends", "text"),
    [([0.1, 0.2], "[0.10, 0.20]"), ([None, None], ""), ([], ""), (None, ""), ([1.0, None], "[1.00, ...]")],
)
def test_intervals(ends, text) -> None:
    assert interval(ends) == text
