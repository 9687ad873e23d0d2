import numpy as np
import pytest

import thinshell as ts

N, D = 3000, 64


def gaussian(rng):
    return rng.standard_normal((N, D))


def clusters(rng, n_clusters=2, distance=1.5):
    return rng.standard_normal((N, D)) + distance * rng.choice([-1, 1], (n_clusters, D))[rng.integers(0, n_clusters, N)]


DEPARTURES = {
    "exponential": (lambda rng: rng.exponential(size=(N, D)), "skew", "skewed"),
    "lognormal": (lambda rng: rng.lognormal(size=(N, D)), "skew", "skewed"),
    "Laplace": (lambda rng: rng.laplace(size=(N, D)), "heavy_tails", "heavy tails"),
    "t(3), each its own": (lambda rng: rng.standard_t(3, (N, D)), "heavy_tails", "heavy tails"),
    "t(3), shared scale": (
        lambda rng: rng.standard_normal((N, D)) / np.sqrt(rng.chisquare(3, (N, 1)) / 3),
        "heavy_tails",
        "rows share a scale",
    ),
    "Cauchy": (lambda rng: rng.standard_cauchy((N, D)), "heavy_tails", "heavy tails"),
    "two clusters": (clusters, "clusters", "clusters"),
    "ReLU": (lambda rng: np.maximum(gaussian(rng), 0), "sparse", "ReLU"),
    "sparse binary": (lambda rng: (rng.random((N, D)) < 0.05) * 1.0, "sparse", "sparse"),
    "rounded": (lambda rng: np.round(gaussian(rng)), "discrete", "few different values"),
    "uniform": (lambda rng: rng.uniform(size=(N, D)), "light_tails", "light tails"),
}


@pytest.mark.parametrize("name", DEPARTURES)
def test_departures_have_the_right_reason(name):
    draw, code, words = DEPARTURES[name]
    result = ts.diagnose(draw(np.random.default_rng(0))).to_dict()
    assert result["verdict"] == "departure"
    assert result["paper"]["verdict"] == "departure"
    assert result["full"]["verdict"] == "departure"
    assert words in result["reason"]
    assert result["hints"][0]["code"] == code
    assert result["look_next"].startswith("Look at")


def test_independent_heavy_tails_are_not_called_a_shared_scale():
    result = ts.diagnose(np.random.default_rng(1).laplace(size=(N, D))).to_dict()
    assert "share a scale" not in result["reason"]


def test_a_gaussian_and_a_large_sphere_are_consistent():
    rng = np.random.default_rng(2)
    result = ts.diagnose(gaussian(rng)).to_dict()
    assert result["verdict"] == "consistent"
    assert result["hints"] == []
    assert "jointly" not in result["reason"]
    cloud = rng.standard_normal((20_000, 512))
    sphere = ts.diagnose(cloud / np.linalg.norm(cloud, axis=1, keepdims=True)).to_dict()
    assert sphere["verdict"] == "consistent"
    verdicts = {check["code"]: check["verdict"] for check in sphere["checks"]}
    assert verdicts["thin_shell"] == "not_applicable"
    assert verdicts["norm_law"] == "departure"
    assert "jointly it departs (norms" in sphere["reason"]
    assert not sphere["norms"]["applicable"]
    assert "already normalised" in sphere["norms"]["reason"]


def test_a_cloud_far_from_the_origin_is_not_called_normalised():
    result = ts.diagnose(np.random.default_rng(3).standard_normal((1000, 16)) + 1e5).to_dict()
    assert result["norms"]["applicable"]


@pytest.mark.parametrize(
    ("code", "cloud"),
    [
        ("dominating_coordinates", lambda rng: gaussian(rng) * np.r_[50, np.ones(D - 1)]),
        ("low_rank", lambda rng: rng.standard_normal((N, 3)) @ rng.standard_normal((3, D)) + 1e-3 * gaussian(rng)),
        ("few_rows", lambda rng: rng.standard_normal((150, 200))),
        ("offset", lambda rng: (gaussian(rng) + 1e5).astype(np.float32)),
    ],
)
def test_what_a_gaussian_may_have_is_a_hint_not_a_departure(code, cloud):
    result = ts.diagnose(cloud(np.random.default_rng(4))).to_dict()
    assert result["verdict"] == "consistent"
    assert code in [hint["code"] for hint in result["hints"]]


def test_what_to_look_at_is_the_cause_that_was_found():
    rng = np.random.default_rng(6)
    # Two groups 12 apart along no axis in particular: each coordinate looks Gaussian, the cloud does not.
    cloud = rng.standard_normal((5000, 128)) + 12 * np.outer(rng.integers(0, 2, 5000), np.full(128, 128**-0.5))
    result = ts.diagnose(cloud).to_dict()
    assert result["verdict"] == "consistent"
    assert "jointly it departs" in result["reason"]
    assert result["hints"][0]["code"] == "clusters"
    assert result["look_next"] == result["hints"][0]["look_next"]
    rows = rng.exponential(size=(400, 8))
    assert ts.diagnose(np.concatenate([rows, rows])).to_dict()["look_next"].startswith("Remove duplicates")


def test_zeros_and_ones_are_called_binary():
    rows = (np.random.default_rng(7).random((2000, 12)) < 0.5).astype(np.float32)
    assert "the others all the same: binary features" in ts.diagnose(rows).to_dict()["reason"]


def test_few_gaussian_rows_are_not_called_a_thick_shell():
    for n, d in ((8, 8), (20, 8), (20, 64)):
        shells = [
            next(check for check in ts.diagnose(rows).to_dict()["checks"] if check["code"] == "thin_shell")["verdict"]
            for rows in np.random.default_rng([n, d]).standard_normal((30, n, d))
        ]
        assert shells.count("inconclusive") >= 29


def test_rows_of_length_one_about_a_mean_are_not_called_thin_by_construction(shared_data):
    pairs = shared_data / "embeddings" / "clip_coco_image_text_2x500x512.npy"
    result = ts.diagnose(pairs, index=0).to_dict()
    [law] = [check for check in result["checks"] if check["code"] == "norm_law"]
    assert law["message"].startswith("About the mean, they vary 1.76 times as much as a Gaussian's of this spectrum")
    assert law["remedy"].startswith("The rows lie on a sphere around the origin, not around their mean")


def test_duplicates_are_a_check():
    rows = np.repeat(np.random.default_rng(5).standard_normal((500, 8)), 2, axis=0)
    result = ts.diagnose(rows).to_dict()
    assert result["duplicates"] == {"share": 0.5, "n_checked": 1000}
    check = next(check for check in result["checks"] if check["code"] == "duplicates")
    assert check["verdict"] == "departure"
    assert "50 % of 1,000 rows" in check["message"]


def test_real_embeddings(shared_data):
    # Numbers of an independent script on the same files, raw, 250 x 20; the bounds are a few standard errors.
    folder = shared_data / "embeddings"
    pairs = folder / "clip_coco_image_text_2x500x512.npy"
    lvis = ts.diagnose(folder / "clip_text_lvis_1203x512.npy").to_dict()
    assert lvis["verdict"] == "consistent"
    assert lvis["norms"]["cv"] == pytest.approx(0.0705, abs=5e-4)
    assert lvis["paper"]["ad_avg"] == pytest.approx(0.44, abs=0.02)
    assert lvis["paper"]["ad_normal_share"] == pytest.approx(0.95, abs=0.02)
    assert lvis["paper"]["dp_avg"] == pytest.approx(0.45, abs=0.02)
    assert lvis["paper"]["dp_normal_share"] == pytest.approx(0.99, abs=0.01)
    assert 2000 < lvis["full"]["detectable_at"] < 6000
    image = ts.diagnose(pairs, index=0).to_dict()
    assert image["paper"]["ad_avg"] == pytest.approx(0.515, abs=0.03)
    assert image["paper"]["ad_normal_share"] == pytest.approx(0.88, abs=0.03)
    assert image["paper"]["dp_avg"] == pytest.approx(0.37, abs=0.03)
    assert image["paper"]["dp_normal_share"] == pytest.approx(0.94, abs=0.02)
    for half in (image, ts.diagnose(pairs, index=1).to_dict()):
        assert half["verdict"] == "consistent"
        assert half["full"]["detectable_at"] > 500
    resnet = ts.diagnose(folder / "resnet56_supervised_cifar10_test_10000x64.npy").to_dict()
    assert resnet["verdict"] == "departure"
    assert resnet["norms"]["cv"] == pytest.approx(0.13, abs=0.005)
    assert resnet["paper"]["ad_avg"] == pytest.approx(11.9, abs=0.3)
    assert resnet["paper"]["dp_avg"] < 1e-3
    assert resnet["paper"]["ad_normal_share"] == resnet["paper"]["dp_normal_share"] == 0.0
