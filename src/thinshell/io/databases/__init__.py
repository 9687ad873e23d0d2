"""Embeddings that lie in databases and indexes: PostgreSQL with pgvector, LanceDB, FAISS.

Each module opens one kind as a :class:`thinshell.io.Source`, streamed in bounded memory; their packages come with
``pip install 'thinshell[databases]'`` and are imported when such a place is opened. A password in a URL is used to
connect and nowhere else: what is shown, kept or raised has ``***`` in its place.
"""
