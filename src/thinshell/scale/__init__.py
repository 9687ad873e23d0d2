"""Sketching on a cluster: shards become sketches on the workers, sketches are merged there, and one comes back.

`Dask` does it on a Dask cluster. With any other engine (Ray, Spark, a queue of jobs) two functions are enough:
`sketch_shard` on each shard, and `merge_shards` on up to 16 neighbouring results at a time, as `docs/scale.md` shows.
"""

from thinshell.diagnosis.shards import Plan, Shard, ShardSketch, merge_shards, sketch_shard
from thinshell.scale.dask_cluster import Dask
from thinshell.scale.planning import shards_of

__all__ = ["Dask", "Plan", "Shard", "ShardSketch", "merge_shards", "shards_of", "sketch_shard"]
