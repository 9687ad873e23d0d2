import numpy as np
import pytest
from scipy import stats

from thinshell.errors import InputError
from thinshell.statistics import anderson_darling, rejection_share


def equicorrelated(rng, n, d, rho):
    return np.sqrt(rho) * rng.standard_normal((n, 1)) + np.sqrt(1 - rho) * rng.standard_normal((n, d))


def test_share_is_the_share():
    rng = np.random.default_rng(0)
    rows = np.hstack([rng.standard_normal((300, 15)), rng.exponential(size=(300, 5)), np.ones((300, 1))])
    result = rejection_share(rows, rng=1)
    pvalues = anderson_darling(rows[:, :20]).pvalue
    assert result.share == (pvalues < 0.05).mean()
    assert result.low <= result.share <= result.high
    assert result == rejection_share(rows, rng=1)


def test_independent_columns_give_back_clopper_pearson():
    rows = np.random.default_rng(1).standard_normal((1000, 100))
    result = rejection_share(rows, n_boot=400)
    k = round(result.share * 100)
    exact = stats.binomtest(k, 100).proportion_ci(0.95, method="exact")
    assert result.low == pytest.approx(exact.low, abs=0.02)
    assert result.high == pytest.approx(exact.high, abs=0.03)
    assert result.variance_inflation == pytest.approx(1.0, abs=0.35)


def test_correlated_columns_widen_it():
    rows = equicorrelated(np.random.default_rng(2), 500, 60, 0.9)
    result = rejection_share(rows)
    assert result.variance_inflation > 3
    assert result.low <= 0.05 <= result.high


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["equicorrelation .9", "rank 2"])
def test_coverage_where_the_binomial_interval_fails(kind):
    rng = np.random.default_rng(3)
    loadings = rng.standard_normal((2, 50))
    ours = binomial = 0
    for k in range(200):
        if kind == "rank 2":
            rows = rng.standard_normal((250, 2)) @ loadings + 0.3 * rng.standard_normal((250, 50))
        else:
            rows = equicorrelated(rng, 250, 50, 0.9)
        result = rejection_share(rows, n_boot=120, rng=k)
        ours += result.low <= 0.05 <= result.high
        exact = stats.binomtest(round(result.share * 50), 50).proportion_ci(0.95, method="exact")
        binomial += exact.low <= 0.05 <= exact.high
    # 95 % nominal: 181 or fewer of 200 has probability 2e-3.
    assert ours >= 182
    assert binomial < ours


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"alpha": 0.0}, "alpha must lie between 0 and 1, got 0.0"),
        ({"confidence": 1.0}, "confidence must lie between 0 and 1, got 1.0"),
        ({"n_boot": 19}, "n_boot must be at least 20, got 19"),
        ({"block_size": 40}, "block_size must be between 1 and half the 50 rows, got 40"),
    ],
)
def test_bad_arguments(options, sentence):
    with pytest.raises(InputError, match=sentence):
        rejection_share(np.random.default_rng(4).standard_normal((50, 3)), **options)


def test_nothing_to_test_and_blocks():
    nothing = rejection_share(np.ones((50, 3)))
    assert np.isnan([nothing.share, nothing.low, nothing.high]).all()
    rng = np.random.default_rng(5)
    blocks = rejection_share(np.repeat(rng.standard_normal((200, 10)), 5, axis=0), block_size=5)
    assert blocks.low <= blocks.share <= blocks.high
