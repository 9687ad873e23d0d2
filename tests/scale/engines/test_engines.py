"""The examples for Ray and Spark on the real engines; run by ``make test-engines``, which installs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import thinshell as ts

EXAMPLES = Path(__file__).parents[3] / "examples"
RAY = """
import ray
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
from on_ray import sketch_on_ray
sketch = sketch_on_ray(sys.argv[1])
"""
SPARK = """
from on_spark import sketch_on_spark
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
sketch = sketch_on_spark(spark, sys.argv[1])
spark.stop()
"""
PROGRAM = """
import json, sys
import thinshell as ts
{engine}
print(json.dumps(ts.diagnose(sketch).to_dict()))
"""


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    rng = np.random.default_rng(0)
    for number in range(20):
        np.save(folder / f"part-{number:02}.npy", rng.standard_normal((66_000, 6), dtype=np.float32))
    return f"{folder}/*.npy"


@pytest.mark.parametrize("engine", [RAY, SPARK], ids=["ray", "spark"])
def test_the_same_bytes_as_one_process(engine, shards):
    # In a process of its own, as a user runs it: both engines take signals and start threads that stay.
    places = {"PYTHONPATH": str(EXAMPLES), "PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    program = [sys.executable, "-c", PROGRAM.format(engine=engine), shards]
    done = subprocess.run(program, capture_output=True, text=True, check=False, env=os.environ | places)
    assert done.returncode == 0, done.stderr[-3000:]
    result, expected = json.loads(done.stdout.splitlines()[-1]), ts.diagnose(shards).to_dict()
    for part in (result, expected):
        part.pop("source")
    assert result == json.loads(json.dumps(expected))
