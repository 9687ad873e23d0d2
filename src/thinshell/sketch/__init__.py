"""The one-pass, mergeable summary of a set of embeddings."""
