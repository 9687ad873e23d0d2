"""Sketch shards as a Spark RDD and merge them there: ``python examples/on_spark.py 'shards/*.parquet'``."""

from __future__ import annotations

import sys
from typing import Any

from pyspark.sql import SparkSession

import thinshell as ts
from thinshell.scale import merge_shards, shards_of, sketch_shard
from thinshell.sketch import FAN_IN


def sketch_on_spark(spark: SparkSession, paths: str | list[str], **where: Any) -> ts.EmbeddingSketch:
    """Return the sketch of all files; only sketches move between executors, one comes back."""
    shards = shards_of(paths, **where)
    level = spark.sparkContext.parallelize(list(enumerate(shards)), len(shards)).mapValues(sketch_shard)
    count = len(shards)
    while count > 1:
        count = -(-count // FAN_IN)
        groups = level.map(lambda part: (part[0] // FAN_IN, part)).groupByKey(count)
        # A group comes in any order: its numbers say which sketch is whose neighbour.
        level = groups.mapValues(lambda parts: merge_shards([sketch for _, sketch in sorted(parts, key=_number)]))
    return level.values().collect()[0].sketch


def _number(part: tuple[int, object]) -> int:
    return part[0]


if __name__ == "__main__":
    session = SparkSession.builder.master("local[2]").getOrCreate()
    result = ts.diagnose(sketch_on_spark(session, sys.argv[1:]))
    print(result.verdict, result.reason)
    session.stop()
