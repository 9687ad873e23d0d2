import numpy as np
import pytest
from scipy import stats

from thinshell.errors import InputError
from thinshell.statistics.jarque_bera import jarque_bera
from thinshell.statistics.moments import moments


@pytest.mark.parametrize("n", [3, 8, 100, 20_000])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_equals_scipy(n, offset):
    column = np.random.default_rng(n).gamma(2.0, size=n) + offset
    ours, scipy = jarque_bera(column), stats.jarque_bera(column)
    assert ours.statistic == pytest.approx(scipy.statistic, rel=1e-8)
    assert ours.pvalue == pytest.approx(scipy.pvalue, rel=1e-6, abs=1e-300)


def test_columns_constants_and_known_moments():
    sample = np.random.default_rng(0).standard_normal((100, 3))
    sample[:, 2] = 7.0
    result = jarque_bera(sample)
    np.testing.assert_array_equal(np.isnan(result.pvalue), [False, False, True])
    np.testing.assert_allclose(result.statistic[:2], stats.jarque_bera(sample[:, :2], axis=0).statistic)
    again = jarque_bera(sample, known_moments=moments(sample))
    np.testing.assert_array_equal(again.statistic, result.statistic)


def test_one_row_is_refused():
    with pytest.raises(InputError, match="at least 2 rows, got 1"):
        jarque_bera(np.ones(1))
