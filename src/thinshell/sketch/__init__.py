"""The one-pass, mergeable summary of a set of embeddings."""

from thinshell.sketch.capacity import memory_of_sketch, row_capacity_for
from thinshell.sketch.embedding_sketch import EmbeddingSketch
from thinshell.sketch.merging import FAN_IN, SketchMerger, merge_sketches
from thinshell.sketch.storage import is_sketch_file
from thinshell.sketch.summary import Summary, summarize

__all__ = [
    "FAN_IN",
    "EmbeddingSketch",
    "SketchMerger",
    "Summary",
    "is_sketch_file",
    "memory_of_sketch",
    "merge_sketches",
    "row_capacity_for",
    "summarize",
]
