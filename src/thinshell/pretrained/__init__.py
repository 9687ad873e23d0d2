"""Pretrained encoders over people's data: ``embed(model, data, out)``.

``load_pretrained`` makes an encoder of a model's name, ``open_data`` a list of items of a path, ``embed`` runs the one
over the other into a file.
"""

from thinshell.pretrained.data import Items, open_data
from thinshell.pretrained.embed import embed
from thinshell.pretrained.encoder import Choices, Encoder
from thinshell.pretrained.job import EmbedResult
from thinshell.pretrained.loading import load_pretrained

__all__ = ["Choices", "EmbedResult", "Encoder", "Items", "embed", "load_pretrained", "open_data"]
