"""Sketch shards with Ray tasks and merge them there: ``python examples/on_ray.py 'shards/*.parquet'``."""

from __future__ import annotations

import sys

import ray

import thinshell as ts
from thinshell.scale import merge_shards, shards_of, sketch_shard
from thinshell.sketch import FAN_IN


def sketch_on_ray(paths: str | list[str], **where: object) -> ts.EmbeddingSketch:
    """Return the sketch of all files; only sketches move between workers, one comes back."""
    sketch, merge = ray.remote(sketch_shard), ray.remote(lambda *parts: merge_shards(list(parts)))
    level = [sketch.remote(shard) for shard in shards_of(paths, **where)]
    while len(level) > 1:
        level = [merge.remote(*level[k : k + FAN_IN]) for k in range(0, len(level), FAN_IN)]
    return ray.get(level[0]).sketch


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False)
    result = ts.diagnose(sketch_on_ray(sys.argv[1:]))
    print(result.verdict, result.reason)
