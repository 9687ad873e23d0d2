"""Files of embeddings as blocks of rows."""
