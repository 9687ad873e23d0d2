"""The examples for Ray and Spark on the real engines; run by ``make test-engines``, which installs them."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import thinshell as ts

sys.path.insert(0, str(Path(__file__).parents[3] / "examples"))


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    rng = np.random.default_rng(0)
    for number in range(20):
        np.save(folder / f"part-{number:02}.npy", rng.standard_normal((66_000, 6), dtype=np.float32))
    return f"{folder}/*.npy"


def same(sketch, shards):
    expected = ts.diagnose(shards).to_dict()
    result = ts.diagnose(sketch).to_dict()
    for part in (expected, result):
        part.pop("source")
        part["coordinates"].pop("names")
    assert result == expected


@pytest.mark.filterwarnings("default")
def test_ray(shards):
    import ray
    from on_ray import sketch_on_ray

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        try:
            same(sketch_on_ray(shards), shards)
        finally:
            ray.shutdown()


@pytest.mark.filterwarnings("default")
def test_spark(shards):
    from on_spark import sketch_on_spark
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        same(sketch_on_spark(spark, shards), shards)
    finally:
        spark.stop()
